// What a backend does with Talking posters: registers a poster, lets it speak, and is told of the end by webhook.
// Node 20 or newer, nothing to install:
//
//   BASE_URL=http://127.0.0.1:8000 POSTER=me.jpg API_KEY=... WEBHOOK_SECRET=whsec_... node talking-poster.mjs "Good morning!"
//
// API_KEY may be left out where the service has no keys. WEBHOOK_SECRET is one of the service's own signing secrets;
// without it there is no webhook part. The service must reach WEBHOOK_URL (this process by default, which it does only
// if the address is in its outbound.allow_networks); WEBHOOK_PORT is where this process listens.

import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, parse } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const TOLERANCE_S = 300; // the clocks' difference, and the time in which a recorded webhook can be sent again
const MAX_BODY_BYTES = 65_536; // a webhook has less than 20 kB
const WEBHOOK_WITHIN_MS = 60_000;
const TRIES = 60;

/** Whether a webhook was signed with `secret` (Standard Webhooks). `body` is the raw body: parsed and written again it
 * is another one. In Express, give the route `express.raw({ type: "application/json" })`. */
export function verify(headers, body, secret, nowS = Date.now() / 1000) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(nowS - Number(timestamp)) > TOLERANCE_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => { // several while a secret is rotated
    const [version, value = ""] = signature.split(",");
    const given = Buffer.from(value, "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** The body of a request from anybody. */
async function rawBody(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) throw new Error("The body is too long.");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A server on `port` (0: any free one); `events` has the verified ones by video id. */
async function receiver(secret, port) {
  const events = new Map();
  const server = createServer(async (request, response) => {
    try {
      const body = await rawBody(request);
      const good = request.method === "POST" && verify(request.headers, body, secret);
      if (good) {
        const event = JSON.parse(body);
        events.set(event.data.id, { ...event, id: request.headers["webhook-id"] }); // it may come twice: under one id
      }
      response.writeHead(good ? 204 : 401).end(); // answer at once, work later: after 15 s it counts as failed
    } catch {
      response.writeHead(400).end(); // broken off, or too long: no reason to end the server
    }
  });
  await once(server.listen(port), "listening");
  return { events, server, port: server.address().port };
}

/** A client that comes again when it is told to: equal orders are one piece of work, so a POST can be repeated. */
function client(baseUrl, apiKey) {
  const authorization = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
  return async function ask(method, path, { headers, ...options } = {}) {
    for (let left = TRIES; ; left--) {
      const answer = await fetch(new URL(path, baseUrl), {
        method,
        headers: { ...authorization, ...headers },
        signal: AbortSignal.timeout(90_000),
        ...options,
      });
      const reply = await answer.json();
      if (answer.ok) return reply;
      const later = answer.headers.get("retry-after");
      if (left === 0 || !later || ![429, 503].includes(answer.status)) {
        throw new Error(`${answer.status} ${reply.code ?? reply.status}: ${reply.detail ?? reply.error}`);
      }
      await sleep(1000 * Number(later));
    }
  };
}

/** The mobile route: the same request again while the answer is `processing`; each waits up to 7 s by itself. */
async function viaMobileRoute(ask, imageId, text) {
  const body = JSON.stringify({ imageId, text, voiceId: "default" });
  const headers = { "content-type": "application/json" };
  for (;;) {
    const reply = await ask("POST", "/api/lipsync/generate-talking-photo", { headers, body });
    if (reply.status !== "processing") return reply;
    await sleep(500);
  }
}

/** Orders with a webhook, waits to be told, and fetches the video: its URLs are made for each answer. */
async function viaWebhook(ask, imageId, text, { events }, webhook) {
  const body = new FormData();
  body.set("poster_id", imageId);
  body.set("text", text);
  body.set("webhook", webhook);
  body.set("metadata", JSON.stringify({ order: randomUUID() })); // one order of ours is one video, and one webhook
  const { id } = await ask("POST", "/v1/videos", { headers: { prefer: "wait=0" }, body });
  const deadline = Date.now() + WEBHOOK_WITHIN_MS;
  while (!events.has(id)) {
    if (Date.now() > deadline) {
      const { deliveries } = await ask("GET", `/v1/videos/${id}/deliveries`);
      throw new Error(`no webhook came: ${JSON.stringify(deliveries.flatMap((delivery) => delivery.attempts))}`);
    }
    await sleep(100);
  }
  return { event: events.get(id), video: await ask("GET", `/v1/videos/${id}`) };
}

async function main({ BASE_URL = "http://127.0.0.1:8000", API_KEY, POSTER, ...env }, text = "Good morning!") {
  if (!POSTER) throw new Error("Set POSTER to the path of a photo with a face.");
  const ask = client(BASE_URL, API_KEY);
  const imageId = parse(basename(POSTER)).name;
  const poster = await ask("PUT", `/v1/posters/${imageId}`, { body: await readFile(POSTER) });
  console.log(`poster  ${poster.id}: ${poster.width}x${poster.height}, faces: ${poster.faces.length}`);

  const mobile = await viaMobileRoute(ask, imageId, text);
  console.log(`mobile  ${mobile.status}, ${mobile.duration} s: ${mobile.videoUrl}`);

  if (!env.WEBHOOK_SECRET) return;
  const inbox = await receiver(env.WEBHOOK_SECRET, Number(env.WEBHOOK_PORT ?? 0));
  try {
    const url = env.WEBHOOK_URL ?? `http://127.0.0.1:${inbox.port}/webhook`;
    const { event, video } = await viaWebhook(ask, imageId, text, inbox, url);
    console.log(`webhook ${event.type} of ${video.id} as ${event.id}`);
    console.log(`video   ${video.video_url}`);
  } finally {
    inbox.server.close();
    inbox.server.closeAllConnections(); // the service keeps its connection for the next event
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    await main(process.env, process.argv[2]);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
