import { randomBytes } from 'node:crypto'
import { inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'

const hub = await openBlobsForTest()
const content = randomBytes(300e6)
const sha = sha256(content)
const file = await hub.blobs.ingest('a', inPieces(content, 1 << 20), { sha256: sha, size: content.length })
for (let i = 0; i < 4; i++) {
  const c = process.cpuUsage()
  const t = performance.now()
  let n = 0
  for await (const p of hub.blobs.read(file)) n += p.length
  const u = process.cpuUsage(c)
  console.log(
    'read',
    n / 1e3 / (performance.now() - t),
    'MB/s',
    n / (u.user + u.system),
    'MB per cpu-s',
    u.user / 1e3,
    u.system / 1e3,
  )
}
await hub.close()
