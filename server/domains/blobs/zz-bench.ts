import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, makeFile, makeXorb } from './cas-for-test.suite.ts'

const hub = await openBlobsForTest()
const MB = 1e6
let peak = 0
const timer = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 20)
const cpu = async (name: string, bytes: number, work: () => Promise<unknown>) => {
  globalThis.gc?.()
  peak = process.memoryUsage.rss()
  const base = peak
  const c = process.cpuUsage()
  const t = performance.now()
  await work()
  const s = (performance.now() - t) / 1000
  const u = process.cpuUsage(c)
  const cs = (u.user + u.system) / 1e6
  console.log(
    name.padEnd(34),
    (bytes / MB / s).toFixed(0).padStart(5),
    'MB/s wall',
    (bytes / MB / cs).toFixed(0).padStart(5),
    'MB/s per cpu-second',
    'rss +' + ((peak - base) / MB).toFixed(0) + ' MB',
  )
}
const content = randomBytes(400 * MB)
const sha = sha256(content)
await hub.blobs.ingest('warm', inPieces(content.subarray(0, 50 * MB), 1 << 20), {
  sha256: sha256(content.subarray(0, 50 * MB)),
  size: 50 * MB,
})
await cpu('ingest new random 400 MB', 400 * MB, () =>
  hub.blobs.ingest('a', inPieces(content, 1 << 20), { sha256: sha, size: content.length }),
)
await cpu('ingest the same again', 400 * MB, () =>
  hub.blobs.ingest('b', inPieces(content, 1 << 20), { sha256: sha, size: content.length }),
)
const file = (await hub.blobs.describe('a', [sha])).get(sha)!
const drain = async (it: AsyncIterable<Uint8Array>) => {
  let n = 0
  for await (const p of it) n += p.length
  return n
}
await cpu('read (stored frames)', 400 * MB, () => drain(hub.blobs.read(file)))
await cpu('read (stored frames)', 400 * MB, () => drain(hub.blobs.read(file)))
const key = (
  await hub.tables
    .selectFrom('xorbs')
    .select(['hash', 'frames_bytes'])
    .orderBy('frames_bytes', 'desc')
    .executeTakeFirstOrThrow()
).hash
await cpu('raw stream of a xorb', 64 * MB, () => drain(hub.store.stream(`xorbs/${key.slice(0, 2)}/${key}`)))
// xorb verify of weights as hf_xet compresses them
const dir = '/tmp/live-xorbs'
if (existsSync(dir + '/x.bin')) {
  const body = readFileSync(dir + '/x.bin')
  const hash = readFileSync(dir + '/hash', 'utf8')
  const raw = Number(readFileSync(dir + '/raw', 'utf8'))
  const client = new CasClient(hub, 'a', 'a')
  await cpu('xorb verify+store, bf16 bg4-lz4', raw, () => client.postXorb({ hash, body }))
  for (let i = 0; i < 3; i++)
    await cpu('xorb verify only (stored already)', raw, () => client.postXorb({ hash, body }))
}
const stored = makeXorb(chunksOf(content.subarray(0, 60 * MB)))
await cpu('xorb verify+store, stored frames', 60 * MB, () => new CasClient(hub, 'c', 'c').postXorb(stored))
const stored2 = makeXorb(chunksOf(content.subarray(100 * MB, 160 * MB)))
await cpu('xorb verify+store, stored frames', 60 * MB, () => new CasClient(hub, 'c', 'c').postXorb(stored2))
// hot describe
const ss = Array.from({ length: 1000 }, (_, i) => sha256(Buffer.from([i & 255, i >> 8])))
await cpu('describe 1000', 0, async () => {
  const t = performance.now()
  for (let i = 0; i < 20; i++) await hub.blobs.describe('a', ss)
  console.log('describe 1000 ms', (performance.now() - t) / 20)
  const t2 = performance.now()
  for (let i = 0; i < 1000; i++) await hub.blobs.describe('a', [sha])
  console.log('describe 1 ms', (performance.now() - t2) / 1000)
})
{
  const t = performance.now()
  for (let i = 0; i < 300; i++) {
    const s = Math.floor(Math.random() * 390e6)
    await drain(hub.blobs.read(file, { start: s, end: s + 65536 }))
  }
  console.log('random 64 KiB read ms', (performance.now() - t) / 300)
}
clearInterval(timer)
await hub.close()
