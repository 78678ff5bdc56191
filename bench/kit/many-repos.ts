import { linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { BlobTables } from '../../server/domains/blobs/tables.ts'
import { type Head, saveHead, saveRepo } from '../../server/domains/catalog/store.ts'
import type { CatalogTables } from '../../server/domains/catalog/tables.ts'
import { GitObjects } from '../../server/domains/repos/git-objects.ts'
import { addObject } from '../../server/domains/repos/packs.ts'
import { insertRepo, moveRef } from '../../server/domains/repos/store.ts'
import { insertPack } from '../../server/domains/repos/store-packs.ts'
import type { RepoTables } from '../../server/domains/repos/tables.ts'
import { openSqlite } from '../../server/drivers/database-sqlite.ts'
import { openFilesystemObjects } from '../../server/drivers/objects-filesystem.ts'
import { encodeCommit } from '../../server/formats/git-object.ts'
import { type BuiltPack, PackBuilder } from '../../server/formats/pack-builder.ts'
import { newId } from '../../server/kernel/ids.ts'
import type { Repository } from '../../server/kernel/repository.ts'
import type { Database, Sql } from '../../server/ports/database.ts'
import type { Hub } from '../../test/hub.ts'
import { type Bench, seconds } from './bench.ts'
import { fillRandom, smallFiles, writeContent } from './contents.ts'
import { commitBody, createRepo, fileLine, postCommit, putByLfs, untilJobsAreDone } from './hub-client.ts'

/** A hub that is full of repositories, and those that the questions are about. */
export interface FilledHub {
  readonly hub: Hub
  readonly repos: number
  /** `owner/name` of 100 models of the hub's owner or his organisations, spread evenly over the age of all. */
  readonly asked: readonly string[]
  /** Seconds from the command to the first answer, with all of them there. */
  readonly startSeconds: number
}

export interface TwoHubs {
  readonly many: FilledHub
  readonly few: FilledHub
}

const askedRepos = 100
const kinds = 20
const organizations = 4
const perTransaction = 5_000
/** Only one repository has it. */
export const onlyTag = 'the-only-one'
export const weightsName = 'model.safetensors'

/** One hub with 100,000 repositories, one with 100, filled alike. */
export async function manyAndFew(bench: Bench): Promise<TwoHubs> {
  return {
    many: await fillHub(bench, bench.size(100_000, 2_000)),
    few: await fillHub(bench, askedRepos),
  }
}

/**
 * Makes some repositories as clients do, with a card, a configuration, weights in LFS, and then copies of them: rows of
 * their own in every table, written by what the domains write them with, links to the packs, which never change, and a commit
 * of its own on top of theirs. Seven of eight are public; they are spread over the owner and his organisations.
 */
async function fillHub(bench: Bench, count: number): Promise<FilledHub> {
  const hub = await bench.hub()
  const duration = await seconds(async () => {
    const originals: string[] = []
    for (let kind = 0; kind < kinds; kind++) originals.push(await makeOriginal(bench, hub, kind))
    for (let n = 0; n < organizations; n++) {
      await hub.runCli(['org', 'add', `lab-${n}`, '--member', `${hub.owner.name}:write`])
    }
    await untilJobsAreDone(hub)
    await hub.kill()
    const database = await openSqlite(join(hub.data, 'hub.sqlite'))
    await sql`pragma cache_size = -1000000`.execute(database.sql) // KiB: the index of words is written in no order
    try {
      await copyOriginals(database, join(hub.data, 'objects'), originals, count - kinds)
    } finally {
      await database.close()
    }
  })
  bench.say(`${count} repositories made in ${duration.toFixed(0)} s`)
  const startSeconds = await seconds(() => hub.start())
  const asked = await spread(hub)
  const card = { path: 'README.md', content: Buffer.from(`---\ntags: [${onlyTag}]\n---\n`) }
  await postCommit(hub, asked[50]!, commitBody('Change the card', [fileLine(card)]))
  await untilJobsAreDone(hub)
  return { hub, repos: count, asked, startSeconds }
}

const families = ['bert', 'llama', 'qwen', 'whisper', 'clip', 'vit', 'gemma', 'phi']
const tasks = ['fill-mask', 'text-generation', 'text-classification', 'image-classification', 'translation']

/** A model with ten files. Gives `owner/name`. */
async function makeOriginal(bench: Bench, hub: Hub, kind: number): Promise<string> {
  const family = families[kind % families.length]!
  const task = tasks[kind % tasks.length]!
  const repo = await createRepo(hub, `${family}-${task}-${kind}`)
  const weights = join(await bench.folder(), weightsName)
  await writeContent(weights, 64 * 1024, fillRandom)
  const card = [
    '---',
    `license: ${kind % 4 === 0 ? 'mit' : 'apache-2.0'}`,
    `language: [en, ${kind % 2 === 0 ? 'zh' : 'de'}]`,
    `tags: [bench, kind-${kind}]`,
    `pipeline_tag: ${task}`,
    `---\n# ${repo}\n`,
  ].join('\n')
  const files = [
    { path: 'README.md', content: Buffer.from(card) },
    { path: 'config.json', content: Buffer.from(JSON.stringify({ model_type: family })) },
    ...smallFiles(6, repo),
  ]
  const lines = [...files.map(fileLine), await putByLfs(hub, repo, weightsName, weights)]
  await postCommit(hub, repo, commitBody('Add the model', lines))
  return repo
}

/** Copies the originals in turn, into one namespace after the other, until there are `count` more. */
async function copyOriginals(
  database: Database,
  objects: string,
  originals: readonly string[],
  count: number,
): Promise<void> {
  const sources: Source[] = []
  for (const original of originals) sources.push(await readSource(database, objects, original))
  const namespaces = await database.sql
    .withTables<{ accounts: { id: string; name: string } }>()
    .selectFrom('accounts')
    .select(['id', 'name'])
    .where('name', '!=', 'bob')
    .orderBy('name')
    .execute()
  const now = Math.floor(Date.now() / 1000) * 1000
  for (let at = 0; at < count; at += perTransaction) {
    await database.transaction(async tx => {
      for (let n = at; n < Math.min(at + perTransaction, count); n++) {
        const source = sources[n % sources.length]!
        const namespace = namespaces[n % namespaces.length]!
        const createdAt = now - (count - n) * 1000 // git keeps whole seconds
        const repo: Repository = {
          ...source.repo,
          id: newId(createdAt),
          namespaceId: namespace.id,
          namespace: namespace.name,
          name: `${source.repo.name}-copy-${n}`,
          isPrivate: n % 8 === 7,
          createdAt,
          updatedAt: createdAt,
        }
        const { commitId, pack } = await commitOnTop(source, repo)
        storePacks(objects, source, pack, repo.id)
        await writeRows(tx, source, repo, pack, { ...source.head, commitId, modifiedAt: createdAt }, n)
      }
    })
  }
}

type Source = Awaited<ReturnType<typeof readSource>>

/** All that the hub has written down of one repository. */
async function readSource(database: Database, objects: string, name: string) {
  const db = database.sql.withTables<RepoTables & CatalogTables & Pick<BlobTables, 'holdings'>>()
  const catalog = await db
    .selectFrom('catalog')
    .selectAll()
    .where('search_name', '=', name)
    .executeTakeFirstOrThrow()
  const id = catalog.repo_id
  const facts = await db
    .selectFrom('catalog_facts')
    .selectAll()
    .where('repo_id', '=', id)
    .executeTakeFirstOrThrow()
  const { terms } = await db
    .selectFrom('catalog_texts')
    .select('terms')
    .where('repo_id', '=', id)
    .executeTakeFirstOrThrow()
  const packs = await db.selectFrom('packs').selectAll().where('repo_id', '=', id).execute()
  const folder = join(objects, 'repos', id, 'packs')
  const git = new GitObjects({ database, objects: await openFilesystemObjects(objects) })
  return {
    tree: (await git.commit(id, catalog.commit_id!)).tree,
    repo: {
      id,
      type: catalog.type,
      namespaceId: catalog.namespace_id,
      namespace: catalog.namespace,
      name: catalog.name,
      isPrivate: false,
      gated: false,
      createdAt: catalog.created_at,
      updatedAt: catalog.modified_at,
    } satisfies Repository,
    head: {
      commitId: catalog.commit_id!,
      modifiedAt: catalog.modified_at,
      facts: JSON.parse(facts.facts),
      paths: JSON.parse(facts.siblings),
      terms: terms.trim().split(' '),
      mainSize: catalog.main_size,
      usedStorage: catalog.used_storage,
    } satisfies Head,
    packs: packs.map(row => ({ packId: row.pack_id, bytes: row.bytes, objectCount: row.object_count })),
    holdings: await db.selectFrom('holdings').selectAll().where('holder', '=', id).execute(),
    folder,
    packFiles: readdirSync(folder),
  }
}

/** An empty commit by the owner of the copy, whose parent is the head of the original. */
async function commitOnTop({ tree, head }: Source, repo: Repository) {
  const builder = new PackBuilder()
  const signature = {
    name: repo.namespace,
    email: 'bench@example.com',
    time: repo.createdAt,
    offsetMinutes: 0,
  }
  const commit = {
    tree,
    parents: [head.commitId],
    author: signature,
    committer: signature,
    message: 'Copy',
  }
  const commitId = await addObject(builder, 'commit', encodeCommit(commit))
  return { commitId, pack: await builder.finish() }
}

/** Without syncing: this hub need not survive a power cut. */
function storePacks(objects: string, source: Source, pack: BuiltPack, id: string): void {
  const folder = join(objects, 'repos', id, 'packs')
  mkdirSync(folder, { recursive: true })
  for (const file of source.packFiles) linkSync(join(source.folder, file), join(folder, file))
  writeFileSync(join(folder, `${pack.packId}.pack`), Buffer.concat(pack.pieces))
  writeFileSync(join(folder, `${pack.packId}.idx`), pack.index)
}

async function writeRows(
  tx: Sql,
  source: Source,
  repo: Repository,
  { packId, byteLength }: BuiltPack,
  head: Source['head'],
  n: number,
): Promise<void> {
  await insertRepo(tx, repo)
  for (const pack of [...source.packs, { packId, bytes: byteLength, objectCount: 1 }]) {
    await insertPack(tx, repo.id, pack, repo.createdAt, undefined)
  }
  const { commitId } = head
  await moveRef(tx, repo.id, 'refs/heads/main', undefined, { oid: commitId, commitId }, repo.createdAt)
  await saveRepo(tx, repo)
  await saveHead(tx, repo.id, head)
  const db = tx.withTables<CatalogTables & Pick<BlobTables, 'holdings'>>()
  await db
    .updateTable('catalog')
    .set({ downloads: (n * 7919) % 100_003, likes: n % 97 })
    .where('repo_id', '=', repo.id)
    .execute()
  await db
    .insertInto('holdings')
    .values(source.holdings.map(row => ({ ...row, holder: repo.id })))
    .execute()
}

/** 100 public models, evenly spread in the order of their making. */
async function spread(hub: Hub): Promise<string[]> {
  const names: string[] = []
  let url: string | undefined = `${hub.url}/api/models?sort=createdAt&limit=1000`
  while (url) {
    const page: Response = await fetch(url)
    for (const { id } of (await page.json()) as { id: string }[]) names.push(id)
    url = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
  }
  const step = names.length / askedRepos
  return Array.from({ length: askedRepos }, (_, i) => names[Math.floor(i * step)]!)
}
