import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompiledQuery, type RootOperationNode, sql as raw } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { openPostgres } from '../../drivers/database-postgres.ts'
import { openSqlite } from '../../drivers/database-sqlite.ts'
import { queueMigrations } from '../../drivers/queue-database.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database, Sql } from '../../ports/database.ts'
import { catalogMigrations } from './migrations/index.ts'
import { type Position, searchRepos } from './search-repos.ts'
import { termsOfText } from './search-terms.ts'
import { type Head, removeRepo, saveHead, saveRepo } from './store.ts'
import { type ListQuery, listRepos, sortColumns } from './store-list.ts'

/** Enough that some conditions hold for more than are read and sorted at once. */
const count = 1600
let folder: string
let database: Database
/** In texts of those that have it in their name, and of others. */
const commonText = (n: number) => (n % 3 === 1 ? 'a common word' : '')
const made = Array.from({ length: count }, (_, n) => {
  const namespace = n % 100 === 0 ? 'rare' : n % 2 === 0 ? 'Ada' : 'lab'
  const repo: Repository = {
    id: `id-${String((n * 7919) % count).padStart(4, '0')}`,
    type: n % 16 === 15 ? 'dataset' : 'model',
    namespaceId: `${namespace}-id`,
    namespace,
    name: `${n % 3 === 0 ? 'a_common' : 'b%common'}-word-and-more-${n}`,
    isPrivate: n % 5 === 4,
    gated: false,
    createdAt: 1_000_000 + n,
    updatedAt: 1_000_000 + n,
  }
  const tags = ['every', ...(n % 3 === 0 ? ['Third'] : []), ...(n === 300 ? ['one'] : [])]
  return {
    repo,
    tags,
    pipelineTag: n % 400 === 0 ? 'few' : 'many',
    modifiedAt: 5_000_000 + ((n * 31) % 97),
    parameters: n % 7 === 0 ? n : 0,
    gated: n % 200 === 1 ? 'auto' : undefined,
    links: n % 160 === 15 ? ['ada/Bert'] : [],
    text: `Everywhere 都有 ${n % 250 === 3 ? 'seldom quantized 稀有的猫' : ''} ${commonText(n)}`,
  }
})

let postgres: TestPostgres
let onPostgres: Database
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-lists-'))
  database = await openSqlite(join(folder, 'hub.sqlite'))
  postgres = await startPostgres()
  onPostgres = await openPostgres(await postgres.createDatabase())
  for (const each of [database, onPostgres]) await fill(each)
})
afterAll(async () => {
  await database.close()
  await onPostgres.close()
  await postgres.stop()
  await rm(folder, { recursive: true })
})

async function fill(database: Database): Promise<void> {
  await database.migrate({ ...queueMigrations, ...catalogMigrations })
  await database.transaction(async tx => {
    for (const { repo, tags, pipelineTag, modifiedAt, parameters, gated, links, text } of made) {
      await saveRepo(tx, repo)
      await saveHead(tx, repo.id, {
        ...head,
        modifiedAt,
        facts: {
          cardData: { models: links },
          tags,
          pipelineTag,
          ...(parameters > 0 && { safetensors: { parameters: {}, total: parameters } }),
        },
        terms: termsOfText([text]),
        mainSize: parameters * 2,
      })
      if (gated) await raw`update catalog set gated = ${gated} where repo_id = ${repo.id}`.execute(tx)
    }
  })
}

const head: Head = {
  commitId: 'c',
  modifiedAt: 1,
  facts: { cardData: {}, tags: [] },
  paths: [],
  terms: [],
  mainSize: 0,
  usedStorage: 0,
}
const everything: Omit<ListQuery, 'after'> = {
  type: 'model',
  words: [],
  place: 'name',
  tags: [],
  anyTag: [],
  links: [],
  reach: { namespaceIds: [] },
  sort: 'lastModified',
  descending: true,
  limit: 20,
}
const conditions: Record<string, Partial<Omit<ListQuery, 'after'>>> = {
  none: {},
  'tag of all': { tags: ['every'] },
  'tag of some': { tags: ['third', 'EVERY'] },
  'tag of one': { tags: ['every', 'one'] },
  'tag of nothing': { tags: ['nothing'] },
  'word of all': { words: ['common'] },
  'word with a wildcard': { words: ['b%c', 'WORD'] },
  'word of one': { words: ['a_common-word-and-more-300'] },
  'long word of nothing': { words: ['common-word-and-more-3000'] },
  'word of texts': { words: ['Everywhere'] },
  'word of few texts': { words: ['seld'] },
  'characters of all texts': { words: ['都有'] },
  'characters of few texts': { words: ['稀有', '猫'] },
  'words of name and text': { words: ['common', 'seldom', '有的猫'] },
  'name or text': { words: ['a_common', 'word'] },
  'one or the other tag': { anyTag: ['Third', 'one'] },
  gated: { isGated: true },
  open: { isGated: false },
  'some parameters': { parameters: { min: 1, max: 2000 } },
  'few parameters': { parameters: { min: 700, max: 777 } },
  'linking Spaces': { type: 'dataset', links: ['model:ADA/bert'] },
  author: { author: 'ADA' },
  'author of few': { author: 'rare' },
  'author of nothing': { author: 'ad' },
  'common task': { pipelineTag: 'many' },
  'rare task': { pipelineTag: 'few', author: 'rare' },
  user: { reach: { namespaceIds: ['rare-id', 'Ada-id'] } },
  'fine-grained token': {
    reach: { namespaceIds: ['Ada-id'], only: { namespaceIds: [], repoIds: ['id-0002', 'id-0004'] } },
  },
  admin: { reach: { namespaceIds: 'all' } },
  datasets: { type: 'dataset' },
}
const sorts = Object.keys(sortColumns) as ListQuery['sort'][]
const pageLength = 100

describe('a list', () => {
  it.each(Object.entries(conditions))('holds what it should, in every order: %s', async (_, condition) => {
    for (const [n, sort] of sorts.entries()) {
      const query = { ...everything, ...condition, sort, descending: n % 2 === 0, limit: pageLength }
      const right = expected(query)
      expect(await pages(database, query)).toEqual(right)
      if (sort === 'id') expect(await pages(onPostgres, query)).toEqual(right)
    }
  })

  it('forgets and renames', async () => {
    const repo = { ...made[0]!.repo, id: 'another', name: 'before-that' }
    await database.transaction(tx => saveRepo(tx, repo))
    const find = async (word: string) =>
      (await listRepos(database.sql, { ...everything, words: [word] })).length
    expect(await find('before-that')).toBe(1)
    await database.transaction(tx => saveRepo(tx, { ...repo, name: 'afterwards' }))
    expect([await find('before-that'), await find('afterward')]).toEqual([0, 1])
    const told = async (word: string) =>
      (await searchRepos(database.sql, { ...everything, words: [word] })).rows.map(row => row.repo_id)
    const write = (text: string) =>
      database.transaction(tx => saveHead(tx, 'another', { ...head, terms: termsOfText([text]) }))
    await write('ephemeral and lasting')
    await write('lasting and brand-new')
    expect([await told('ephemeral'), await told('lasting'), await told('brand')]).toEqual([
      [],
      ['another'],
      ['another'],
    ])
    await database.transaction(tx => removeRepo(tx, 'another'))
    for (const table of ['catalog_suffixes', 'catalog_terms', 'catalog_texts', 'catalog_facts']) {
      const left = await raw`select 1 from ${raw.ref(table)} where repo_id = 'another'`.execute(database.sql)
      expect(left.rows).toEqual([])
    }
  })

  it('finds what was there before there was an index for search', async () => {
    const old = await openSqlite(join(folder, 'old.sqlite'))
    try {
      await old.migrate({ ...queueMigrations, '0006_catalog': catalogMigrations['0006_catalog']! })
      await raw`
        insert into catalog (repo_id, type, namespace_id, namespace, name, search_name, is_private, created_at, modified_at)
        values ('1', 'model', 'a', 'ada', 'Ünïcode-𝒳-name', 'ada/ünïcode-𝒳-name', 0, 1, 1)
      `.execute(old.sql)
      await raw`
        insert into catalog (repo_id, type, namespace_id, namespace, name, search_name, is_private, created_at, modified_at)
        values ('2', 'dataset', 'a', 'ada', 'other', 'ada/other', 0, 1, 1)
      `.execute(old.sql)
      await raw`
        insert into jobs (id, name, payload, key, run_at, attempt)
        values ('j', 'catalog.refresh-head', '{"waits":1}', '2', 0, 0)
      `.execute(old.sql)
      await old.migrate({ ...queueMigrations, ...catalogMigrations })
      for (const word of ['ada/', 'code-𝒳-n', 'name', 'e', 'ada/ünïcode-𝒳-name']) {
        expect(await listRepos(old.sql, { ...everything, words: [word] })).toHaveLength(1)
      }
      const rows = async () =>
        (await raw`select * from catalog_suffixes order by suffix`.execute(old.sql)).rows
      const migrated = await rows()
      // Its files are read anew, once: the job that waited for its next commit is enough for the other.
      const jobs = await raw`select name, payload, key, run_at, attempt from jobs order by key`.execute(
        old.sql,
      )
      const job = { name: 'catalog.refresh-head', run_at: 0, attempt: 0 }
      expect(jobs.rows).toEqual([
        { ...job, key: '1', payload: '{"repoId":"1"}' },
        { ...job, key: '2', payload: '{"waits":1}' },
      ])
      await old.transaction(async tx => {
        await removeRepo(tx, '1')
        await saveRepo(tx, { ...made[0]!.repo, id: '1', namespace: 'ada', name: 'ünïcode-𝒳-name' })
      })
      expect(await rows()).toEqual(migrated)
    } finally {
      await old.close()
    }
  })
})

describe('a list reads no whole table', () => {
  it('by the plans of SQLite, which change when any index is missing', async () => {
    expect(await firstFault()).toBeUndefined()
    const indexes = await raw<{ name: string; sql: string }>`
      select name, sql from sqlite_master where type = 'index' and name like 'catalog%'
    `.execute(database.sql)
    expect(indexes.rows.length).toBeGreaterThan(8)
    for (const { name, sql } of indexes.rows) {
      await raw`drop index ${raw.ref(name)}`.execute(database.sql)
      expect(await firstFault(), `nobody misses ${name}`).toBeDefined()
      await raw.raw(sql).execute(database.sql)
    }
  })
})

/** Where a list reads rows that it does not need, or sorts more than a few. */
async function firstFault(): Promise<string | undefined> {
  for (const [name, condition] of Object.entries(conditions)) {
    for (const sort of sorts) {
      for (const [place, after] of [
        ['name', undefined],
        ['text', { value: 3, id: 'id-1' }],
      ] as const) {
        for (const statement of await statements({ ...everything, ...condition, place, sort, after })) {
          const fault = (await planOf(statement)).find(line => !isFine(line, statement.sql))
          if (fault) return `${name}, by ${sort}: ${fault} in ${statement.sql}`
        }
      }
    }
  }
  return undefined
}

function isFine(line: string, sql: string): boolean {
  if (/^SCAN catalog|AUTOMATIC/.test(line)) return false
  const ofIds = /COVERING INDEX .*(AND|>|tag_key=|term=|target=)/
  if (sql.startsWith('select count')) return !line.startsWith('SEARCH catalog') || ofIds.test(line)
  // Few ids are looked up and sorted; all other rows come in order.
  if (!sql.includes('cross join')) return line !== 'USE TEMP B-TREE FOR ORDER BY'
  return !/^SEARCH catalog /.test(line) || /\(repo_id=\?\)$/.test(line) || ofIds.test(line)
}

/** What `listRepos` sends. */
async function statements(query: ListQuery): Promise<CompiledQuery[]> {
  const nodes: RootOperationNode[] = []
  const recording = database.sql.withPlugin({
    transformQuery({ node }) {
      nodes.push(node)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  await listRepos(recording as Sql, query)
  return nodes.map(node => database.sql.getExecutor().compileQuery(node, { queryId: 'plan' }))
}

async function planOf({ sql, parameters }: CompiledQuery): Promise<string[]> {
  const plan = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
  const { rows } = await database.sql.executeQuery<{ detail: string }>(plan)
  return rows.map(row => row.detail)
}

async function pages({ sql }: Database, query: typeof everything): Promise<string[]> {
  const seen: string[] = []
  let after: Position | undefined
  for (;;) {
    const { rows, positionOf } = await searchRepos(sql, { ...query, after })
    seen.push(...rows.map(row => row.repo_id))
    if (rows.length < query.limit) return seen
    after = positionOf(rows.length - 1)
  }
}

/** The same without SQL. */
function expected(query: typeof everything): string[] {
  const { reach } = query
  const has = (ids: readonly string[] | 'all', id: string) => ids === 'all' || ids.includes(id)
  const value = ({ repo, modifiedAt, parameters }: (typeof made)[number]) =>
    ({
      lastModified: modifiedAt,
      createdAt: repo.createdAt,
      likes: 0,
      downloads: 0,
      trendingScore: 0,
      likes30d: 0,
      num_parameters: parameters,
      mainSize: parameters * 2,
      id: `${repo.namespace}/${repo.name}`.toLowerCase(),
    })[query.sort]
  const nameOf = (repo: Repository) => `${repo.namespace}/${repo.name}`.toLowerCase()
  const isNamed = (repo: Repository) => query.words.every(word => nameOf(repo).includes(word.toLowerCase()))
  const found = made.filter(({ repo, tags, pipelineTag, gated, parameters, links, text }) => {
    const lower = text.toLowerCase()
    const isTold = (word: string) => {
      if (/^[^ -~]+$/.test(word)) return lower.includes(word)
      const parts = word.toLowerCase().split(/[^a-z]+/)
      const isIn = (part: string, n: number) =>
        lower.split(' ').some(other => (n === parts.length - 1 ? other.startsWith(part) : other === part))
      return !/[0-9]/.test(word) && parts.every(isIn)
    }
    const isReadable =
      !repo.isPrivate ||
      (has(reach.namespaceIds, repo.namespaceId) &&
        (!reach.only || has(reach.only.namespaceIds, repo.namespaceId) || has(reach.only.repoIds, repo.id)))
    return (
      isReadable &&
      repo.type === query.type &&
      (query.author === undefined || repo.namespace.toLowerCase() === query.author.toLowerCase()) &&
      (query.pipelineTag === undefined || pipelineTag === query.pipelineTag) &&
      query.words.every(word => nameOf(repo).includes(word.toLowerCase()) || isTold(word)) &&
      (query.isGated === undefined || query.isGated === (gated !== undefined)) &&
      (!query.parameters || (parameters >= query.parameters.min && parameters <= query.parameters.max)) &&
      query.links.every(link => links.some(one => `model:${one}`.toLowerCase() === link.toLowerCase())) &&
      (query.anyTag.length === 0 || tags.some(tag => query.anyTag.includes(tag))) &&
      query.tags.every(tag => tags.some(one => one.toLowerCase() === tag.toLowerCase()))
    )
  })
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)
  const sign = query.descending ? -1 : 1
  found.sort(
    (a, b) =>
      Number(isNamed(b.repo)) - Number(isNamed(a.repo)) ||
      sign * (compare(value(a), value(b)) || compare(a.repo.id, b.repo.id)),
  )
  return found.map(({ repo }) => repo.id)
}
