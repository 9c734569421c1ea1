// Judges each vector with the verifier of the guide and prints a JSON list of verdicts.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [listing, vectors] = process.argv.slice(2);
const { verifyStandard, verifyStash, verifySticker } = await import(pathToFileURL(listing));

function judge({ format, secret, headers, body, now }) {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const bytes = Buffer.from(body);
  if (format === "standard") return verifyStandard(secret, lower, bytes, now);
  if (format === "sticker") return verifySticker(secret, lower["x-sticker-signature"], bytes);
  return verifyStash(secret, lower["stash-webhook-signature"] ?? lower["stash-hmac-signature"], bytes);
}

console.log(JSON.stringify(JSON.parse(readFileSync(vectors)).vectors.map(judge)));
