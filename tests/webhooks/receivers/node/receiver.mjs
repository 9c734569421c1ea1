// A partner's receiver in Node. FORMAT says how it verifies: with the official library, or as the guides describe it.
import crypto from "node:crypto";
import http from "node:http";

const { FORMAT, WEBHOOK_SECRET, PORT } = process.env;

/** With the official Standard Webhooks library, over the raw body. */
async function standard() {
  const { Webhook } = await import("standardwebhooks");
  const webhook = new Webhook(WEBHOOK_SECRET);
  return (headers, raw) => webhook.verify(raw, headers) !== undefined;
}

/** As the Stash guide has it: the framework parses the body, the check writes it again. */
function stash() {
  return (headers, raw) => {
    const signature = headers["stash-webhook-signature"];
    if (!signature) return false;
    const parsedByFramework = JSON.parse(raw);
    const expected = crypto.createHmac("sha256", WEBHOOK_SECRET).update(JSON.stringify(parsedByFramework), "utf8");
    return crypto.timingSafeEqual(Buffer.from(signature, "base64"), expected.digest());
  };
}

/** As the Sticker guide has it: sha256= and hex, over the raw body. */
function sticker() {
  return (headers, raw) => {
    const expected = "sha256=" + crypto.createHmac("sha256", WEBHOOK_SECRET).update(raw).digest("hex");
    return crypto.timingSafeEqual(Buffer.from(headers["x-sticker-signature"] ?? ""), Buffer.from(expected));
  };
}

const verifies = await { standard, stash, sticker }[FORMAT]();

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    let status = 401;
    try {
      if (verifies(request.headers, Buffer.concat(parts))) status = 200;
    } catch {
      status = 400;
    }
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ received: status === 200 }));
  });
});
// The test keeps its connection, and is at times slower than Node waits.
server.keepAliveTimeout = 600_000;
server.listen(Number(PORT), "127.0.0.1", () => console.log("Receiving"));
