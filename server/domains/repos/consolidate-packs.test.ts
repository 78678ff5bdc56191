import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newGitClient } from '../../../test/git-client.ts'
import { ada, type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { Repository } from '../../kernel/repository.ts'
import { consolidatePacks, packsToMerge } from './consolidate-packs.ts'
import { GitObjects } from './git-objects.ts'
import { makeCommit } from './make-commit.ts'
import { addObject, storePack } from './packs.ts'
import { type Pack, packsOf } from './store.ts'
import { retirePacks } from './store-packs.ts'

let hub: InProcessHub
beforeAll(async () => {
  hub = await startInProcessHub()
})
afterAll(() => hub.close())

const packs = (repo: Repository) => packsOf(hub.parts.database.sql, repo.id)
const run = (repo: Repository) =>
  consolidatePacks(hub.parts).run({ repoId: repo.id, ref: 'refs/heads/main', after: '1'.repeat(40) })

async function addCommits(repo: Repository, count: number): Promise<string> {
  let head = ''
  for (let at = 0; at < count; at++) {
    const body = commitBody(`file-${at % 7}.txt`, `content ${at}\n`)
    head = (await makeCommit(hub.parts, ada, repo, { revision: 'main' }, body)).commitId
  }
  return head
}

async function* commitBody(path: string, content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ key: 'header', value: { summary: path } })}\n`)
  yield Buffer.from(`${JSON.stringify({ key: 'file', value: { path, content, encoding: 'utf-8' } })}\n`)
}

/** A pack with one object that no ref reaches. */
async function addLoosePack(repo: Repository, text: string): Promise<string> {
  const builder = new PackBuilder()
  const oid = await addObject(builder, 'blob', Buffer.from(text))
  const record = await storePack(hub.parts, repo.id, builder)
  await hub.parts.database.transaction(tx => record(tx, 1))
  return oid
}

async function storedKeys(repo: Repository): Promise<string[]> {
  const keys = []
  for await (const { key } of hub.parts.objects.list(`repos/${repo.id}/`)) keys.push(key)
  return keys.sort()
}

describe('repos.consolidate-packs', () => {
  it('makes one pack of many, with every object, and leaves the old ones to gc', async () => {
    const repo = await hub.createRepo('many')
    const loose = await addLoosePack(repo, 'nobody reaches me')
    const head = await addCommits(repo, 52)
    const old = await packs(repo)
    expect(old).toHaveLength(54)
    await run(repo)

    const merged = await packs(repo)
    expect(merged).toHaveLength(1)
    expect(merged[0]?.objectCount).toBe(new Set(await allOids(repo, old)).size)
    const fresh = new GitObjects(hub.parts)
    expect(Buffer.from((await fresh.read(repo.id, loose)).content).toString()).toBe('nobody reaches me')
    expect((await fresh.commit(repo.id, head)).parents).toHaveLength(1)
    const git = await newGitClient(hub)
    await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), 'work')
    expect(await git.run('-C', 'work', 'rev-parse', 'HEAD')).toBe(head)
    expect(await git.run('-C', 'work', 'rev-list', '--count', 'HEAD')).toBe('53')

    const oldKeys = old.flatMap(({ packId }) => [
      `repos/${repo.id}/packs/${packId}.idx`,
      `repos/${repo.id}/packs/${packId}.pack`,
    ])
    expect(await storedKeys(repo)).toEqual(expect.arrayContaining(oldKeys))
    // As gc does, in the end: who knows the old packs only, looks again.
    for (const key of oldKeys) await hub.parts.objects.delete(key)
    expect((await hub.parts.git.commit(repo.id, head)).tree).toBe((await fresh.commit(repo.id, head)).tree)
  })

  it('leaves few packs alone', async () => {
    const repo = await hub.createRepo('few')
    await addCommits(repo, 3)
    const before = await packs(repo)
    await run(repo)
    expect(await packs(repo)).toEqual(before)
  })

  it('changes nothing when one of the packs goes away meanwhile', async () => {
    const repo = await hub.createRepo('race')
    const texts = Array.from({ length: 51 }, (_, at) => `loose ${at}`)
    for (const text of texts) await addLoosePack(repo, text)
    const before = await packs(repo)
    const gone = before[3] as Pack
    const parts = {
      ...hub.parts,
      objects: new Proxy(hub.parts.objects, {
        get(target, name) {
          if (name !== 'put') return Reflect.get(target, name).bind(target)
          return async (...args: Parameters<typeof target.put>) => {
            await hub.parts.database.transaction(tx => retirePacks(tx, repo.id, [gone.packId], 1))
            return await target.put(...args)
          }
        },
      }),
    }
    const job = consolidatePacks(parts)
    await job.run({ repoId: repo.id, ref: 'refs/heads/main' })
    expect(await packs(repo)).toEqual(before.filter(pack => pack !== gone))
  })

  it('is nothing for a repository that was deleted', async () => {
    await consolidatePacks(hub.parts).run({ repoId: 'gone', ref: 'refs/heads/main' })
  })
})

describe('packsToMerge', () => {
  const sizes = fc.array(fc.integer({ min: 100, max: 1_000_000_000 }), { minLength: 51, maxLength: 120 })

  it('leaves packs of which each is twice as large as the next smaller one', () => {
    fc.assert(
      fc.property(sizes, bytes => {
        const all = bytes.map((size, at): Pack => ({ packId: String(at), bytes: size, objectCount: 1 }))
        const chosen = packsToMerge(all)
        const rest = all.filter(pack => !chosen.includes(pack)).map(pack => pack.bytes)
        const total = chosen.reduce((sum, pack) => sum + pack.bytes, 0)
        const left = [total, ...rest.sort((a, b) => a - b)]
        for (let at = 1; at < left.length; at++) {
          expect(left[at]).toBeGreaterThanOrEqual(2 * (left[at - 1] as number))
        }
      }),
    )
  })

  it('does not copy a large pack because of small ones', () => {
    const large: Pack = { packId: 'large', bytes: 1_000_000, objectCount: 1 }
    const small = Array.from(
      { length: 50 },
      (_, at): Pack => ({ packId: `${at}`, bytes: 500, objectCount: 1 }),
    )
    expect(packsToMerge([large, ...small])).toEqual(small)
    expect(packsToMerge(small)).toEqual([])
  })
})

async function allOids(repo: Repository, old: readonly Pack[]): Promise<string[]> {
  const git = await newGitClient(hub)
  const oids = []
  for (const { packId } of old) {
    const idx = `repos/${repo.id}/packs/${packId}.idx`
    const size = (await hub.parts.objects.size(idx)) ?? 0
    const listed = await git.runWithInput(await hub.parts.objects.read(idx, 0, size), 'show-index')
    oids.push(...listed.split('\n').map(line => line.split(' ')[1] ?? ''))
  }
  return oids
}
