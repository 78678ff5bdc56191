import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobsForTest, inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'
import { packTerms, unpackTerms } from './terms.ts'

describe('check', () => {
  let hub: BlobsForTest
  let fileHash: string
  let xorb: string
  beforeEach(async () => {
    hub = await openBlobsForTest()
    const content = randomBytes(500_000)
    const file = await hub.blobs.ingest('alice', inPieces(content), {
      sha256: sha256(content),
      size: content.length,
    })
    fileHash = file.fileHash
    xorb = (await hub.tables.selectFrom('xorbs').select('hash').executeTakeFirstOrThrow()).hash
    expect(await hub.check(false)).toEqual([])
    expect(await hub.check(true)).toEqual([])
  })
  afterEach(() => hub.close())

  const key = () => `xorbs/${xorb.slice(0, 2)}/${xorb}`
  const path = () => join(hub.folder, 'objects', key())
  const damage = async (change: (bytes: Buffer) => Uint8Array) => {
    const bytes = change(await readFile(path()))
    await chmod(path(), 0o600)
    await writeFile(path(), bytes)
  }
  const subjects = async (deep: boolean) => (await hub.check(deep)).map(finding => finding.subject)

  it('finds a xorb whose object is gone', async () => {
    await hub.store.delete(key())
    expect(await hub.check(false)).toEqual([
      {
        severity: 'error',
        subject: `xorb ${xorb}`,
        words: `its object ${key()} is missing; 1 file needs it`,
      },
    ])
  })

  it('finds an object that was cut', async () => {
    await damage(bytes => bytes.subarray(0, -1))
    expect(await subjects(false)).toEqual([`xorb ${xorb}`])
  })

  it('finds a flipped bit anywhere in an object, when it looks deep', async () => {
    const { length } = await readFile(path())
    for (const at of [0, 4, 20, 250_000, length - 300, length - 1]) {
      await damage(bytes => {
        bytes[at]! ^= 1
        return bytes
      })
      expect(await hub.check(false)).toEqual([])
      expect([at, ...(await subjects(true))]).toContain(`xorb ${xorb}`)
      await damage(bytes => {
        bytes[at]! ^= 1
        return bytes
      })
      expect([at, ...(await hub.check(true))]).toEqual([at])
    }
  })

  it('finds objects that no row knows', async () => {
    const stray = `xorbs/${xorb.slice(0, 2)}/${'0'.repeat(64)}`
    await hub.store.put(stray, Buffer.from('what is this'))
    const lost = `xorbs/00/${'0'.repeat(64)}`
    await hub.store.put(lost, Buffer.from('a xorb, perhaps'))
    const findings = await hub.check(true)
    expect(findings.map(finding => finding.subject).sort()).toEqual(
      [`object ${stray}`, `object ${lost}`].sort(),
    )
    expect(findings.every(finding => finding.severity === 'notice')).toBe(true)
  })

  it('finds files that lack what they need', async () => {
    const { terms } = await hub.tables.selectFrom('files').select('terms').executeTakeFirstOrThrow()
    const [term] = unpackTerms(terms).terms
    const set = (changed: object) => hub.tables.updateTable('files').set(changed).execute()
    await set({ size: 1 })
    expect(await subjects(false)).toEqual([`file ${fileHash}`])
    await set({ size: 500_000, terms: terms.subarray(1) })
    expect(await subjects(false)).toEqual([`file ${fileHash}`])
    await set({ terms: packTerms([{ ...term!, xorb: '0'.repeat(64) }]) })
    expect(await subjects(false)).toEqual([`file ${fileHash}`])
    await set({ terms: packTerms([{ ...term!, chunkEnd: 9000 }]) })
    expect(await subjects(false)).toEqual([`file ${fileHash}`])
    // Right in all that the rows tell, but not what the chunks are.
    await set({ terms: packTerms([{ ...term!, chunkStart: term!.chunkStart + 1 }]) })
    expect(await subjects(false)).toEqual([])
    expect(await subjects(true)).toEqual([`file ${fileHash}`])
    await set({ terms })
    await hub.tables.deleteFrom('file_xorbs').execute()
    expect(await subjects(false)).toEqual([`file ${fileHash}`])
    await hub.tables.deleteFrom('files').execute()
    expect((await subjects(false))[0]).toMatch(/^holding alice /)
  })

  it('does not call lost what is collected meanwhile', async () => {
    const collectFirst = async () => {
      hub.objects.stream = (...range) => hub.store.stream(...range)
      await hub.database.transaction(tx => hub.blobs.releaseHolder(tx, 'alice'))
      await hub.collect({ graceMs: 0 })
    }
    hub.objects.stream = async function* (...range) {
      await collectFirst()
      yield* hub.store.stream(...range)
    }
    expect(await hub.check(true)).toEqual([])
    expect(await hub.storedBytes()).toBe(0)
  })

  it('tells how far it is', async () => {
    const told: [string, number, number][] = []
    await hub.blobs.check({ deep: true }, { finding() {}, progress: (...what) => told.push(what) })
    expect(told).toEqual([
      ['xorbs', 1, 1],
      ['files', 1, 1],
    ])
  })
})
