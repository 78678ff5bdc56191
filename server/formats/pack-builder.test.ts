import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { objectId } from './git-object.ts'
import { PackBuilder } from './pack-builder.ts'
import { PackIndex } from './pack-index.ts'
import { inflateEntry, parsePackEntryHeader, parsePackHeader } from './packfile.ts'

const contents = [Buffer.from('small'), randomBytes(200_000), Buffer.alloc(300_000), new Uint8Array()]

async function addAll(builder: PackBuilder, list: readonly Uint8Array[]): Promise<void> {
  await Promise.all(list.map(content => builder.add(objectId('blob', content), 'blob', content)))
}

describe('pack builder', () => {
  it('gives the same pack for the same objects in the same order', async () => {
    const slow = new PackBuilder()
    for (const content of contents) await addAll(slow, [content])
    const fast = new PackBuilder()
    await addAll(fast, contents)
    const turned = new PackBuilder()
    await addAll(turned, contents.toReversed())
    const pack = await slow.finish()
    const again = await fast.finish()
    expect(again.packId).toBe(pack.packId)
    expect(Buffer.compare(again.index, pack.index)).toBe(0)
    expect((await turned.finish()).packId).not.toBe(pack.packId)
  })

  it('ends in the SHA-1 that names it, and is as long as it says', async () => {
    const builder = new PackBuilder()
    expect(builder.byteLength).toBe(32)
    await addAll(builder, contents)
    const { packId, pieces, byteLength, index } = await builder.finish()
    const pack = Buffer.concat(pieces)
    expect(pack.length).toBe(byteLength)
    expect(builder.byteLength).toBe(byteLength)
    expect(createHash('sha1').update(pack.subarray(0, -20)).digest('hex')).toBe(packId)
    expect(pack.subarray(-20).toString('hex')).toBe(packId)
    expect(new PackIndex(index, { verifyChecksum: true }).packId).toBe(packId)
  })

  it('holds each object once', async () => {
    const builder = new PackBuilder()
    const [small = new Uint8Array(), large = new Uint8Array()] = contents
    await addAll(builder, [small, large, small, large])
    await addAll(builder, [small])
    expect(builder.count).toBe(2)
    expect(builder.has(objectId('blob', small))).toBe(true)
    expect(builder.has(objectId('tree', small))).toBe(false)
    const { pieces, byteLength } = await builder.finish()
    expect(parsePackHeader(pieces[0]!)).toBe(2)
    expect(byteLength).toBe(builder.byteLength)
  })

  it('forks into a builder of its own', async () => {
    const builder = new PackBuilder()
    await addAll(builder, contents.slice(0, 2))
    const before = await builder.finish()
    const fork = builder.fork()
    await addAll(fork, contents)
    const whole = new PackBuilder()
    await addAll(whole, contents)
    expect(fork.byteLength).toBe(whole.byteLength)
    expect((await fork.finish()).packId).toBe((await whole.finish()).packId)
    expect((await builder.finish()).packId).toBe(before.packId)
    expect(builder.count).toBe(2)
  })

  it('is read back as what was put in, from where its index says', async () => {
    const object = fc.tuple(
      fc.constantFrom('blob', 'tree', 'commit', 'tag'),
      fc.uint8Array({ maxLength: 60 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(object, { maxLength: 4 }), async objects => {
        const builder = new PackBuilder()
        for (const [type, content] of objects) await builder.add(objectId(type, content), type, content)
        const { pieces, byteLength, index } = await builder.finish()
        const pack = Buffer.concat(pieces)
        const found = new PackIndex(index, { verifyChecksum: true })
        for (const [type, content] of objects) {
          const offset = found.find(objectId(type, content))!
          const { header, length } = parsePackEntryHeader(pack, offset)
          expect(header).toEqual({ type, size: content.length })
          const end = found.endOf(offset, byteLength)
          const entry = await inflateEntry(pack.subarray(offset + length, end), content.length, 60)
          expect(Buffer.compare(entry.content, content)).toBe(0)
          expect(offset + length + entry.consumed).toBe(end)
        }
      }),
      runs(10_000),
    )
  })
})
