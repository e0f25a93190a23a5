// The least that a receiver has to do: reads the body, checks its signature, parses it, answers. Keeps nothing.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const [port = "", secret = ""] = process.argv.slice(2);

createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const given = Buffer.from(String(request.headers["x-hub-signature-256"]).slice("sha256=".length), "hex");
  const fits = timingSafeEqual(createHmac("sha256", secret).update(body).digest(), given);
  const { action } = JSON.parse(body.toString());
  response.writeHead(fits ? 202 : 401, { "Content-Length": action.length }).end(action);
}).listen(Number(port), "127.0.0.1");
