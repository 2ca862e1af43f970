from alice.runtime.backoff import Backoff


def test_each_early_end_doubles_the_delay_up_to_ten_seconds():
    backoff = Backoff()

    delays = [backoff.next_delay(lived_seconds=1) for _ in range(8)]

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_thirty_seconds_of_life_forget_the_early_ends():
    backoff = Backoff()
    backoff.next_delay(lived_seconds=1)
    backoff.next_delay(lived_seconds=1)

    assert backoff.next_delay(lived_seconds=30) == 0.2
