import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { openPostgres } from '../../drivers/database-postgres.ts'
import { openSqlite } from '../../drivers/database-sqlite.ts'
import { sourceOf } from '../../formats/byte-source.ts'
import { anonymous } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import { policy } from '../policy/index.ts'
import { createReader } from '../sketches/index.ts'
import {
  configOf,
  makeModel,
  safetensorsOf,
  trained,
  type Weights,
} from '../sketches/model-for-test.suite.ts'
import { exportLineage } from './export-lineage.ts'
import { HubIndex } from './hub-index.ts'
import { lineageMigrations } from './migrations/index.ts'
import type { LineageParts } from './parts.ts'
import { placeModel } from './place-model.ts'
import { PlaceThreads } from './place-threads.ts'
import { rebuildTree } from './rebuild-tree.ts'
import { Turn } from './turn.ts'

interface Model {
  readonly name: string
  readonly card?: string
  readonly weights: Weights
}

const base = makeModel(1)
const [tuned, other] = [trained(base, 2), makeModel(60)]
/** In order of arrival. Two families, and one model whose base came last of all. */
const models: readonly Model[] = [
  { name: 'base', weights: base },
  { name: 'other', weights: other },
  { name: 'tuned', weights: tuned, card: 'lab/base' },
  { name: 'copy', weights: base, card: 'lab/other' },
  { name: 'grandchild', weights: trained(tuned, 3), card: 'lab/base' },
  { name: 'other-child', weights: trained(other, 61) },
  { name: 'early', weights: trained(makeModel(80), 81), card: 'lab/late' },
  { name: 'late', weights: makeModel(80) },
]
const keyOf = (name: string) => Buffer.from(name.padEnd(32, '.')).toString('hex')
const repoOf = (name: string): Repository => ({
  ...{ id: `id-${name}`, type: 'model', namespaceId: 'lab', namespace: 'lab', name },
  ...{ isPrivate: false, gated: false, createdAt: 0, updatedAt: 0 },
})

let postgres: TestPostgres
const sketches = new Map<string, Uint8Array>()
beforeAll(async () => {
  postgres = await startPostgres()
  const reader = createReader()
  for (const { name, weights } of models) {
    const content = { 'model.safetensors': safetensorsOf(weights), 'config.json': Buffer.from(configOf()) }
    const read = await reader.read({
      list: () => Object.entries(content).map(([path, { length }]) => ({ path, size: length })),
      open: async path => sourceOf(content[path as keyof typeof content]),
    })
    sketches.set(keyOf(name), read!.sketch!)
  }
  await reader.close()
})
afterAll(() => postgres.stop())

describe.each(['sqlite', 'postgres'])('the family tree in %s', kind => {
  let folder: string
  const opened: { close(): Promise<void> }[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-lineage-'))
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** A hub's tree, of models that arrived as above, and as many processes as work on it. */
  async function tree(processes = 1): Promise<LineageParts[]> {
    const url =
      kind === 'postgres' ? await postgres.createDatabase() : join(folder, `${opened.length}.sqlite`)
    return await Promise.all(
      Array.from({ length: processes }, async (_, process) => {
        const database: Database = kind === 'sqlite' ? await openSqlite(url) : await openPostgres(url)
        if (process === 0) await database.migrate(lineageMigrations)
        const threads = new PlaceThreads(async key => sketches.get(key)!)
        opened.push(threads, database)
        return partsOn(database, threads)
      }),
    )
  }
  const exported = async (parts: LineageParts) => {
    let text = ''
    for await (const lines of exportLineage(parts, anonymous)) text += lines
    return text.trimEnd().split('\n').sort()
  }
  const place = async (parts: LineageParts, names: readonly string[]) => {
    for (const name of names) await placeModel(parts, `id-${name}`)
  }
  const names = models.map(({ name }) => name)

  it('is the same in whichever order jobs run', async () => {
    const [straight] = await tree()
    await place(straight!, names)
    const expected = await exported(straight!)
    expect(expected.length).toBe(models.length)
    expect(expected.find(line => line.includes('"id":"lab/early"'))).toContain('"verdict":"confirmed"')
    const orders = [
      [...names].reverse(),
      ['late', 'grandchild', 'other-child', 'base', 'early', 'tuned', 'copy', 'other'],
      ['tuned', 'copy', 'base', 'late', 'early', 'other', 'grandchild', 'other-child', 'base'],
    ]
    for (const order of orders) {
      const [parts] = await tree()
      await place(parts!, order)
      expect(await exported(parts!)).toEqual(expected)
    }
    await rebuildTree(straight!, { ids: (async function* () {})(), progress: () => {} })
    expect(await exported(straight!)).toEqual(expected)
  }, 120_000)

  it('is the same when two processes work on it at once', async () => {
    const [straight] = await tree()
    await place(straight!, names)
    const [one, two] = await tree(2)
    await Promise.all([
      place(
        one!,
        names.filter((_, at) => at % 2 === 0),
      ),
      place(
        two!,
        names.filter((_, at) => at % 2 === 1),
      ),
    ])
    expect(await exported(two!)).toEqual(await exported(straight!))
  }, 120_000)
})

function partsOn(database: Database, threads: PlaceThreads): LineageParts {
  const headOf = async (id: string) => {
    const name = id.slice('id-'.length)
    const arrived_at = 1000 + models.findIndex(model => model.name === name)
    const head = { status: 'done', commit_id: 'c', sketch_key: keyOf(name), findings: null } as const
    return { ...head, repo_id: id, moved_at: arrived_at, arrived_at }
  }
  return {
    ...{ database, threads, policy, turn: new Turn(), index: new HubIndex(database) },
    clock: () => 5000,
    emit: async () => {},
    reports: undefined,
    sketches: { headOf, find: async () => undefined, read: async key => sketches.get(key)! },
    repos: {
      byId: async ids => ids.map(id => repoOf(id.slice('id-'.length))),
      locate: async (_type, _namespace, name) => repoOf(name),
      files: async () => [{ type: 'file', path: 'README.md', oid: 'o' }] as never,
      readFile: async ({ name }) => {
        const card = models.find(model => model.name === name)?.card
        return Buffer.from(card ? `---\nbase_model: ${card}\n---\n` : '')
      },
      allIds: async () => models.map(({ name }) => `id-${name}`),
    },
  }
}
