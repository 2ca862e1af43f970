// Uploads a file with tus-js-client, or goes on where an earlier process with the same URLs ended.
// Arguments: packages, endpoint, Authorization header, file, file of URLs, bytes of a chunk.

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

const [packages, endpoint, authorization, path, urls, chunkBytes] = process.argv.slice(2);
const tus = createRequire(`${packages}/`)("tus-js-client");

const upload = new tus.Upload(createReadStream(path), {
  endpoint,
  headers: { Authorization: authorization },
  metadata: { filename: "by tus-js-client.bin", filetype: "application/octet-stream" },
  chunkSize: Number(chunkBytes),
  retryDelays: [100, 200, 400, 800, 1600],
  urlStorage: new tus.FileUrlStorage(urls),
  onError(error) {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess() {
    process.exit(0);
  },
});

const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
