"""Uploads a file with tuspy, or goes on where an earlier process with the same URLs ended.

Arguments: endpoint, Authorization header, file, file of URLs, bytes of a chunk, checksum or none.
"""

import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main(endpoint, authorization, path, urls, chunk_bytes, checksum):
    client = TusClient(endpoint, headers={"Authorization": authorization})
    uploader = client.uploader(
        path,
        chunk_size=int(chunk_bytes),
        metadata={"filename": "by tuspy.bin"},
        store_url=True,
        url_storage=FileStorage(urls),
        retries=5,
        retry_delay=0.2,
        upload_checksum=checksum == "checksum",
    )
    uploader.upload()


if __name__ == "__main__":
    main(*sys.argv[1:])
