// Speaks HTTP/2 and nothing else, over TLS, in front of an app that speaks HTTP/1.1.
//   node front.mjs KEY CERT BACKEND-PORT     prints its port, then a line for each request
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const [key, cert, backend] = process.argv.slice(2);
const own = new Set(["connection", "keep-alive", "transfer-encoding", "host"]);
const plain = (headers) => Object.fromEntries(
  Object.entries(headers).filter(([name]) => !name.startsWith(":") && !own.has(name)));

const server = http2.createSecureServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHTTP1: false });
server.on("stream", (stream, headers) => {
  console.log(`${stream.session.alpnProtocol} ${headers[":method"]} ${headers[":authority"]}`);
  const ask = http.request({ host: "127.0.0.1", port: backend, method: headers[":method"], path: headers[":path"],
    headers: plain(headers) }, (answer) => {
    stream.respond({ ":status": answer.statusCode, ...plain(answer.headers) });
    answer.pipe(stream);
  });
  ask.on("error", () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  stream.on("error", () => ask.destroy());
  stream.pipe(ask);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
