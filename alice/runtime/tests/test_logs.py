from alice.runtime.logs import last_lines, rotate_logs


def test_a_large_json_log_is_renamed_so_that_its_writer_opens_a_new_one(tmp_path):
    log = tmp_path / "web.jsonl"
    log.write_text("much")

    assert rotate_logs(tmp_path, above_bytes=3) == [log]

    assert not log.exists()
    assert (tmp_path / "web.jsonl.1").read_text() == "much"


def test_a_servers_log_is_emptied_under_its_writer_and_goes_on_from_the_start(tmp_path):
    log = tmp_path / "postgres.log"
    with log.open("a") as writer:
        writer.write("before")
        writer.flush()
        rotate_logs(tmp_path, above_bytes=3)
        writer.write("after")

    assert log.read_text() == "after"
    assert (tmp_path / "postgres.log.1").read_text() == "before"


def test_three_old_files_are_kept(tmp_path):
    for text in ("first", "second", "third", "fourth", "fifth"):
        (tmp_path / "web.jsonl").write_text(text)
        rotate_logs(tmp_path, above_bytes=1)

    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"web.jsonl.1": "fifth", "web.jsonl.2": "fourth", "web.jsonl.3": "third"}


def test_a_small_log_is_left_alone(tmp_path):
    (tmp_path / "web.jsonl").write_text("little")

    assert rotate_logs(tmp_path, above_bytes=6) == []


def test_the_end_of_a_log_leaves_out_what_was_there_before(tmp_path):
    log = tmp_path / "postgres.log"
    log.write_text("old\none\ntwo\n")

    assert last_lines(log, since_byte=4, count=1) == "  two"
    assert last_lines(log, since_byte=4) == "  one\n  two"
