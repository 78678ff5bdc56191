import { randomBytes } from 'node:crypto'
import { inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'

const hub = await openBlobsForTest()
const content = randomBytes(400e6)
const sha = sha256(content)
const c = process.cpuUsage()
const t = performance.now()
await hub.blobs.ingest('a', inPieces(content, 1 << 20), { sha256: sha, size: content.length })
const u = process.cpuUsage(c)
console.log(
  'ingest',
  400 / ((performance.now() - t) / 1000),
  'MB/s',
  400 / ((u.user + u.system) / 1e6),
  'per cpu-s',
  u,
)
await hub.close()
