import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { bg4Join } from '../../formats/bg4.ts'
import { decodeLz4Frame } from '../../formats/lz4-frame.ts'
import { chunkHash } from '../../formats/merkle.ts'
import { readFrameHeader } from '../../formats/xorb-frame.ts'
import { inPieces } from './blobs-for-test.suite.ts'
import { measureFrames } from './frame-work.ts'
import { splitFrames } from './split-frames.ts'

const body = readFileSync('/tmp/live-xorbs/x.bin')
const raw = Number(readFileSync('/tmp/live-xorbs/raw', 'utf8'))
const cpu = async (name: string, work: () => any) => {
  for (let i = 0; i < 3; i++) {
    const c = process.cpuUsage()
    const t = performance.now()
    await work()
    const u = process.cpuUsage(c)
    console.log(
      name.padEnd(20),
      (raw / 1e6 / ((u.user + u.system) / 1e6)).toFixed(0),
      'MB/cpu-s',
      (raw / 1e3 / (performance.now() - t)).toFixed(0),
      'MB/s',
    )
  }
}
const buf = randomBytes(raw)
await cpu('sha256', () => createHash('sha256').update(buf).digest())
await cpu('chunkHash', () => {
  for (let i = 0; i < raw; i += 65536) chunkHash(buf.subarray(i, i + 65536))
})
const frames: any[] = []
for (let at = 0; at < body.length; ) {
  const h = readFrameHeader('x', body, at)
  frames.push([h, body.subarray(at + 8, at + 8 + h.storedLength)])
  at += 8 + h.storedLength
}
let outs: Uint8Array[] = []
await cpu('lz4', () => {
  outs = frames.map(([h, b]) => decodeLz4Frame('x', b, h.rawLength))
})
await cpu('bg4', () => {
  for (const o of outs) bg4Join(o)
})
await cpu('measure whole', () => measureFrames({ bytes: body, position: 0, count: frames.length }))
await cpu('split', async () => {
  for await (const _ of splitFrames('x', inPieces(body)));
})
console.log(new Set(frames.map(f => f[0].scheme)))
