import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { chunksOf, makeFile, makeXorb } from '../../server/domains/blobs/cas-for-test.suite.ts'
import { xorbKey } from '../../server/domains/blobs/xorb-objects.ts'
import { packsOf as countingPacks } from '../../server/domains/repos/store.ts'
import { encodeShard } from '../../server/formats/shard-encode.ts'
import type { Machine } from '../clients/run.ts'
import { Ledger, sha256Of } from './ledger.ts'
import type { MortalHub, Task } from './mortal-hub.ts'
import { randomContent } from './seed.ts'

/** A hub that an operation is done to. */
export interface Place {
  readonly url: string
  readonly token: string
  readonly machine: Machine
  /** Absent when it is another process. */
  readonly hub?: MortalHub
  runTask(task: Task): Promise<boolean>
}

/** What became of an operation: all of it, or nothing. Anything between is an error. */
type Outcome = 'whole' | 'absent'

/** A kind of write. `n` tells its runs apart; each has names of its own. */
export interface Operation {
  readonly name: string
  /** Done on a hub that lives, before it. */
  prepare?(place: Place, n: number): Promise<void>
  /** True when it was acknowledged. Doing it again when it is done is acknowledged too. */
  run(place: Place, n: number): Promise<boolean>
  /** Throws when there is a part of it. */
  find(place: Place, n: number): Promise<Outcome>
  /** It needs the hub in this process. */
  readonly inProcessOnly?: true
  /** So many effects that only some of them are cut off in `make test`. */
  readonly moments?: 'many'
  /** It is no request, but done by a process for itself. */
  readonly isTask?: true
}

export const repo = 'ada/mortal'

const contents = new Map<string, Buffer>()
/** The content of that name, random but the same each time. */
function contentOf(name: string, size = 60_000): Buffer {
  const found = contents.get(name) ?? randomContent(size)
  contents.set(name, found)
  return found
}

const ledgerOf = (place: Place) => new Ledger(place)

async function statusOf(place: Place, method: string, path: string, body?: unknown): Promise<number> {
  const answer = await ledgerOf(place).ask(
    method,
    path,
    body === undefined ? undefined : JSON.stringify(body),
  )
  await answer?.arrayBuffer().catch(() => {})
  return answer?.status ?? 0
}

/** Of several signs of one thing: all or none. */
function allOrNone(signs: Readonly<Record<string, boolean>>): Outcome {
  const found = Object.values(signs)
  if (found.every(sign => sign)) return 'whole'
  if (found.every(sign => !sign)) return 'absent'
  throw new Error(`half of it: ${JSON.stringify(signs)}`)
}

/** Whether the repository has the file; throws when it has another one of that name. */
async function hasFile(place: Place, path: string, content: Uint8Array, revision = 'main'): Promise<boolean> {
  const answer = await ledgerOf(place).ask('GET', `/${repo}/resolve/${revision}/${path}`)
  if (answer?.status === 404) return false
  if (answer?.status !== 200) throw new Error(`${path}: ${answer?.status}`)
  const found = sha256Of(new Uint8Array(await answer.arrayBuffer()))
  if (found !== sha256Of(content)) throw new Error(`${path} is another file`)
  return true
}

interface BatchAnswer {
  readonly objects: readonly [{ actions?: { upload?: { href: string }; download?: { href: string } } }]
}

async function lfsBatch(place: Place, operation: 'upload' | 'download', content: Uint8Array) {
  const objects = [{ oid: sha256Of(content), size: content.length }]
  const body = { operation, transfers: ['basic'], objects }
  const path = `/${repo}.git/info/lfs/objects/batch`
  const answer = await ledgerOf(place).ask('POST', path, JSON.stringify(body))
  if (answer?.status !== 200) return undefined
  return ((await answer.json()) as BatchAnswer).objects[0].actions
}

async function putLfs(place: Place, content: Uint8Array): Promise<boolean> {
  const answer = await ledgerOf(place).ask('POST', `/${repo}.git/info/lfs/objects/batch`, lfsUpload(content))
  if (answer?.status !== 200) return false
  const [{ actions }] = ((await answer.json()) as BatchAnswer).objects
  if (!actions?.upload) return true
  const put = await ledgerOf(place).ask('PUT', actions.upload.href, content)
  return put?.status === 200
}

function lfsUpload(content: Uint8Array): string {
  const objects = [{ oid: sha256Of(content), size: content.length }]
  return JSON.stringify({ operation: 'upload', transfers: ['basic'], objects })
}

/** Whether the repository has these bytes, by whatever door they came. */
async function hasLfs(place: Place, content: Uint8Array): Promise<Outcome> {
  const actions = await lfsBatch(place, 'download', content)
  if (!actions?.download) return 'absent'
  const answer = await ledgerOf(place).ask('GET', actions.download.href)
  const found = answer?.status === 200 && sha256Of(new Uint8Array(await answer.arrayBuffer()))
  if (found !== sha256Of(content)) throw new Error(`LFS object read as ${answer?.status} ${found}`)
  return 'whole'
}

async function refsOf(place: Place): Promise<Map<string, string>> {
  const listed = await place.machine.run('git', ['ls-remote', gitAddress(place)])
  return new Map(
    listed
      .trim()
      .split('\n')
      .map(line => line.split('\t').reverse() as [string, string]),
  )
}

const gitAddress = ({ url, token }: Place) => `${url.replace('//', `//ada:${token}@`)}/${repo}`

async function hasRef(place: Place, ref: string): Promise<Outcome> {
  return (await refsOf(place)).has(ref) ? 'whole' : 'absent'
}

/** A commit in the machine's clone; its id. */
async function commitInClone(place: Place, name: string, parent?: string): Promise<string> {
  const clone = join(place.machine.home, 'clone')
  const git = async (...args: string[]) => (await place.machine.run('git', ['-C', clone, ...args])).trim()
  await place.machine.run('git', ['init', '-q', clone])
  await writeFile(join(clone, 'a.bin'), contentOf(name))
  await git('add', 'a.bin')
  return await git('commit-tree', '-m', name, ...(parent ? ['-p', parent] : []), await git('write-tree'))
}

async function push(place: Place, ...refs: string[]): Promise<boolean> {
  const args = ['-C', join(place.machine.home, 'clone'), 'push', '-q', gitAddress(place), ...refs]
  return (await place.machine.attempt('git', args)).code === 0
}

/** n → what is in the clone for it. */
const pushes = new Map<string, { old: string; next: string; other: string; tag: string }>()

async function preparePush(place: Place, name: string): Promise<void> {
  const old = await commitInClone(place, `${name} old`)
  const next = await commitInClone(place, `${name} next`, old)
  const other = await commitInClone(place, `${name} other`)
  const clone = join(place.machine.home, 'clone')
  await place.machine.run('git', ['-C', clone, 'tag', '-fam', 'tag', name, next])
  const tag = (await place.machine.run('git', ['-C', clone, 'rev-parse', name])).trim()
  pushes.set(name, { old, next, other, tag })
  const refs = ['forward', 'forced', 'gone'].map(kind => `${old}:refs/heads/${kind}-${name}`)
  if (!(await push(place, ...refs))) throw new Error('the push before it failed')
}

interface Cas {
  readonly accessToken: string
  readonly casUrl: string
}

async function postToCas(place: Place, path: string, body: Uint8Array): Promise<number> {
  const asked = await ledgerOf(place).ask('GET', `/api/models/${repo}/xet-write-token/main`)
  if (asked?.status !== 200) return 0
  const { accessToken, casUrl } = (await asked.json()) as Cas
  const answer = await fetch(`${casUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}` },
    body: new Uint8Array(body),
  }).catch(() => undefined)
  await answer?.arrayBuffer().catch(() => {})
  return answer?.status ?? 0
}

const xorbOf = (name: string) => makeXorb(chunksOf(contentOf(name)))
const postXorb = async (place: Place, name: string) => {
  const { hash, body } = xorbOf(name)
  return (await postToCas(place, `/v1/xorbs/default/${hash}`, body)) === 200
}

const createRepo = async (place: Place, name: string) => {
  const status = await statusOf(place, 'POST', '/api/repos/create', { name })
  return status === 200 || status === 409
}
const infoStatus = (place: Place, name: string) => statusOf(place, 'GET', `/api/models/ada/${name}`)

/** Where the name leads to. */
async function nameOf(place: Place, name: string): Promise<string | undefined> {
  const answer = await ledgerOf(place).ask('GET', `/api/models/ada/${name}`)
  return answer?.status === 200 ? ((await answer.json()) as { id: string }).id : undefined
}

async function seenByNobody(place: Place, name: string): Promise<{ byName: boolean; listed: boolean }> {
  const byName = await fetch(`${place.url}/api/models/ada/${name}`)
  const list = await fetch(`${place.url}/api/models?author=ada&limit=1000`)
  const listed = ((await list.json()) as { id: string }[]).some(({ id }) => id === `ada/${name}`)
  await byName.arrayBuffer()
  return { byName: byName.status === 200, listed }
}

/** Opens a pull request into a repository that is made for it. */
async function openPullRequest(place: Place, name: string): Promise<boolean> {
  const lines = [
    { key: 'header', value: { summary: name } },
    { key: 'file', value: { path: 'asked.txt', content: name, encoding: 'utf-8' } },
  ]
  const body = lines.map(line => JSON.stringify(line)).join('\n')
  const answer = await ledgerOf(place).ask('POST', `/api/models/ada/${name}/commit/main?create_pr=1`, body)
  await answer?.arrayBuffer().catch(() => {})
  return answer?.status === 200
}

interface PullRequest {
  readonly status: string
  readonly events: readonly { readonly type: string; readonly data: { readonly status?: string } }[]
}

async function readJson<T>(place: Place, path: string): Promise<T> {
  const answer = await ledgerOf(place).ask('GET', path)
  if (answer?.status !== 200) throw new Error(`${path}: ${answer?.status}`)
  return (await answer.json()) as T
}

/** Every kind of write that the hub knows. */
export const operations: readonly Operation[] = [
  {
    name: 'commit of a regular and an LFS file',
    prepare: async (place, n) => {
      await putLfs(place, contentOf(`lfs ${n}`))
    },
    run: async (place, n) => {
      const lfs = contentOf(`lfs ${n}`)
      const text = contentOf(`text ${n}`, 100).toString('base64')
      const lines = [
        { key: 'file', value: { path: `text-${n}`, content: text, encoding: 'base64' } },
        {
          key: 'lfsFile',
          value: { path: `lfs-${n}`, algo: 'sha256', oid: sha256Of(lfs), size: lfs.length },
        },
      ]
      return (await ledgerOf(place).commit(repo, 'main', lines)) === 200
    },
    find: async (place, n) =>
      allOrNone({
        text: await hasFile(place, `text-${n}`, contentOf(`text ${n}`, 100)),
        lfs: await hasFile(place, `lfs-${n}`, contentOf(`lfs ${n}`)),
      }),
  },
  {
    name: 'new branch with a commit of its own',
    run: async (place, n) => {
      const body = { emptyBranch: true }
      const status = await statusOf(place, 'POST', `/api/models/${repo}/branch/empty-${n}`, body)
      return status === 201 || status === 409
    },
    find: (place, n) => hasRef(place, `refs/heads/empty-${n}`),
  },
  {
    name: 'deletion of a branch',
    prepare: async (place, n) => {
      await statusOf(place, 'POST', `/api/models/${repo}/branch/late-${n}`, {})
    },
    run: async (place, n) => {
      const status = await statusOf(place, 'DELETE', `/api/models/${repo}/branch/late-${n}`)
      return status === 200 || status === 404
    },
    find: async (place, n) =>
      (await hasRef(place, `refs/heads/late-${n}`)) === 'whole' ? 'absent' : 'whole',
  },
  {
    name: 'annotated tag',
    run: async (place, n) => {
      const body = { tag: `api-${n}`, message: 'a tag' }
      const status = await statusOf(place, 'POST', `/api/models/${repo}/tag/main`, body)
      return status === 200 || status === 201 || status === 409
    },
    find: (place, n) => hasRef(place, `refs/tags/api-${n}`),
  },
  {
    name: 'push that creates, forwards, forces, deletes and tags',
    prepare: (place, n) => preparePush(place, `p${n}`),
    run: async (place, n) => {
      const { next, other } = pushes.get(`p${n}`)!
      // Deleting a branch that is gone is an error of git's own.
      const isThere = await hasRef(place, `refs/heads/gone-p${n}`).catch(() => 'absent')
      return await push(
        place,
        `${next}:refs/heads/new-p${n}`,
        `${next}:refs/heads/forward-p${n}`,
        `+${other}:refs/heads/forced-p${n}`,
        `refs/tags/p${n}`,
        ...(isThere === 'whole' ? [`:refs/heads/gone-p${n}`] : []),
      )
    },
    find: async (place, n) => {
      const refs = await refsOf(place)
      const { next, other, tag } = pushes.get(`p${n}`)!
      return allOrNone({
        created: refs.get(`refs/heads/new-p${n}`) === next,
        forwarded: refs.get(`refs/heads/forward-p${n}`) === next,
        forced: refs.get(`refs/heads/forced-p${n}`) === other,
        tagged: refs.get(`refs/tags/p${n}`) === tag,
        deleted: !refs.has(`refs/heads/gone-p${n}`),
      })
    },
  },
  {
    name: 'push that deletes only',
    prepare: (place, n) => preparePush(place, `d${n}`),
    run: async (place, n) => {
      const isThere = await hasRef(place, `refs/heads/gone-d${n}`).catch(() => undefined)
      if (isThere === undefined) return false
      return isThere === 'absent' || (await push(place, `:refs/heads/gone-d${n}`))
    },
    find: async (place, n) =>
      (await hasRef(place, `refs/heads/gone-d${n}`)) === 'whole' ? 'absent' : 'whole',
  },
  {
    name: 'upload of an LFS object',
    run: (place, n) => putLfs(place, contentOf(`put ${n}`)),
    find: (place, n) => hasLfs(place, contentOf(`put ${n}`)),
  },
  {
    name: 'upload in parts',
    inProcessOnly: true,
    run: async ({ hub }, n) => {
      const content = contentOf(`parts ${n}`)
      const sha256 = sha256Of(content)
      const { id } = await hub!.repos.find('model', 'ada', 'mortal')
      const upload = await hub!.blobs.beginMultipart(id, sha256, content.length)
      await hub!.blobs.putPart(upload.id, 1, [content] as unknown as AsyncIterable<Uint8Array>)
      return (await hub!.blobs.completeMultipart(upload.id)).sha256 === sha256
    },
    find: (place, n) => hasLfs(place, contentOf(`parts ${n}`)),
  },
  {
    name: 'upload of a xorb',
    run: (place, n) => postXorb(place, `xorb ${n}`),
    find: async (place, n) => {
      const { hash } = xorbOf(`xorb ${n}`)
      const status = await postToCas(place, `/v1/xorb-grants/default/${hash}`, new Uint8Array())
      return status === 200 ? 'whole' : 'absent'
    },
  },
  {
    name: 'upload of a xorb in the place of a damaged one',
    inProcessOnly: true,
    prepare: async (place, n) => {
      await postXorb(place, `damaged ${n}`)
      await place.hub!.objects.delete(xorbKey(xorbOf(`damaged ${n}`).hash))
      await place.hub!.blobs.check({ deep: false }, { finding() {}, progress() {} })
    },
    run: (place, n) => postXorb(place, `damaged ${n}`),
    find: async (place, n) => {
      const { hash } = xorbOf(`damaged ${n}`)
      const status = await postToCas(place, `/v1/xorb-grants/default/${hash}`, new Uint8Array())
      return status === 200 ? 'whole' : 'absent'
    },
  },
  {
    name: 'registration of a shard',
    prepare: async (place, n) => {
      await postXorb(place, `shard ${n}`)
    },
    run: async (place, n) => {
      const xorb = xorbOf(`shard ${n}`)
      const file = makeFile(contentOf(`shard ${n}`), { xorb, start: 0, end: xorb.index.frameEnds.length })
      const shard = { files: [file], xorbs: [{ hash: xorb.hash, chunks: xorb.index.chunks }] }
      return (await postToCas(place, '/v1/shards', encodeShard(shard))) === 200
    },
    find: (place, n) => hasLfs(place, contentOf(`shard ${n}`)),
  },
  {
    name: 'creation of a repository',
    run: (place, n) => createRepo(place, `new-${n}`),
    find: async (place, n) =>
      allOrNone({
        info: (await infoStatus(place, `new-${n}`)) === 200,
        file: (await statusOf(place, 'GET', `/ada/new-${n}/resolve/main/.gitattributes`)) === 200,
        listed: (await seenByNobody(place, `new-${n}`)).listed,
      }),
  },
  {
    name: 'deletion of a repository',
    prepare: async (place, n) => {
      await createRepo(place, `old-${n}`)
    },
    run: async (place, n) => {
      const status = await statusOf(place, 'DELETE', '/api/repos/delete', { name: `old-${n}` })
      return status === 200 || status === 404
    },
    find: async (place, n) =>
      allOrNone({
        noInfo: (await infoStatus(place, `old-${n}`)) === 404,
        noFile: (await statusOf(place, 'GET', `/ada/old-${n}/resolve/main/.gitattributes`)) === 404,
        unlisted: !(await seenByNobody(place, `old-${n}`)).listed,
      }),
  },
  {
    name: 'move of a repository',
    prepare: async (place, n) => {
      await createRepo(place, `here-${n}`)
    },
    run: async (place, n) => {
      const body = { fromRepo: `ada/here-${n}`, toRepo: `ada/there-${n}`, type: 'model' }
      const status = await statusOf(place, 'POST', '/api/repos/move', body)
      return status === 200 || (status === 404 && (await infoStatus(place, `there-${n}`)) === 200)
    },
    find: async (place, n) =>
      allOrNone({
        info: (await infoStatus(place, `there-${n}`)) === 200,
        led: (await nameOf(place, `here-${n}`)) === `ada/there-${n}`,
        listed: (await seenByNobody(place, `there-${n}`)).listed,
        unlisted: !(await seenByNobody(place, `here-${n}`)).listed,
      }),
  },
  {
    name: 'duplicate of a repository',
    prepare: async (place, n) => {
      await createRepo(place, `original-${n}`)
      const content = contentOf(`original ${n}`)
      await new Ledger(place).addLfsFile(`ada/original-${n}`, 'main', 'w.bin', content)
    },
    run: async (place, n) => {
      const path = `/api/models/ada/original-${n}/duplicate`
      const status = await statusOf(place, 'POST', path, { repository: `ada/copy-${n}` })
      return status === 200 || status === 409
    },
    find: async (place, n) =>
      allOrNone({
        info: (await infoStatus(place, `copy-${n}`)) === 200,
        file: (await statusOf(place, 'GET', `/ada/copy-${n}/resolve/main/.gitattributes`)) === 200,
        large: (await statusOf(place, 'GET', `/ada/copy-${n}/resolve/main/w.bin`)) === 200,
        listed: (await seenByNobody(place, `copy-${n}`)).listed,
      }),
  },
  {
    name: 'squash of a branch',
    prepare: async (place, n) => {
      await statusOf(place, 'POST', `/api/models/${repo}/branch/squash-${n}`, {})
    },
    run: async (place, n) => {
      const path = `/api/models/${repo}/super-squash/squash-${n}`
      return (await statusOf(place, 'POST', path, { message: 'Squashed' })) === 200
    },
    find: async (place, n) => {
      const answer = await ledgerOf(place).ask('GET', `/api/models/${repo}/commits/squash-${n}`)
      const titles = ((await answer!.json()) as { title: string }[]).map(commit => commit.title)
      return titles.join() === 'Squashed' ? 'whole' : 'absent'
    },
  },
  {
    name: 'deletion of an LFS object for good',
    prepare: async (place, n) => {
      await putLfs(place, contentOf(`unwanted ${n}`))
    },
    run: async (place, n) => {
      const deletions = { sha: [sha256Of(contentOf(`unwanted ${n}`))], rewriteHistory: true }
      return (await statusOf(place, 'POST', `/api/models/${repo}/lfs-files/batch`, { deletions })) === 200
    },
    find: async (place, n) =>
      (await hasLfs(place, contentOf(`unwanted ${n}`))) === 'whole' ? 'absent' : 'whole',
  },
  {
    name: 'making a repository private',
    prepare: async (place, n) => {
      await createRepo(place, `shy-${n}`)
    },
    run: async (place, n) =>
      (await statusOf(place, 'PUT', `/api/models/ada/shy-${n}/settings`, { private: true })) === 200,
    find: async (place, n) => {
      const { byName, listed } = await seenByNobody(place, `shy-${n}`)
      return allOrNone({ hidden: !byName, unlisted: !listed })
    },
  },
  {
    name: 'pull request by a commit',
    prepare: async (place, n) => {
      await createRepo(place, `asked-${n}`)
    },
    run: (place, n) => openPullRequest(place, `asked-${n}`),
    find: async (place, n) => {
      const at = `/api/models/ada/asked-${n}`
      const { count } = await readJson<{ count: number }>(place, `${at}/discussions`)
      const { pullRequests } = await readJson<{ pullRequests: object[] }>(place, `${at}/refs?include_prs=1`)
      if (pullRequests.length !== count) throw new Error(`${count} with ${pullRequests.length} refs`)
      const [first] = count > 0 ? (await readJson<PullRequest>(place, `${at}/discussions/1`)).events : []
      return allOrNone({ listed: count > 0, said: first?.type === 'comment' })
    },
  },
  {
    name: 'merge of a pull request',
    prepare: async (place, n) => {
      await createRepo(place, `merged-${n}`)
      await openPullRequest(place, `merged-${n}`)
      const other = { path: 'other.txt', content: 'x', encoding: 'utf-8' }
      await ledgerOf(place).commit(`ada/merged-${n}`, 'main', [{ key: 'file', value: other }])
    },
    run: async (place, n) => {
      const status = await statusOf(place, 'POST', `/api/models/ada/merged-${n}/discussions/1/merge`)
      return status === 200 || status === 409
    },
    find: async (place, n) => {
      const found = await readJson<PullRequest>(place, `/api/models/ada/merged-${n}/discussions/1`)
      const file = `/ada/merged-${n}/resolve/main/asked.txt`
      return allOrNone({
        merged: found.status === 'merged',
        said: found.events.some(event => event.data.status === 'merged'),
        file: (await statusOf(place, 'GET', file)) === 200,
      })
    },
  },
  {
    name: 'merging of packs',
    isTask: true,
    prepare: async (place, n) => {
      await createRepo(place, `packed-${n}`)
      const path = `/api/models/ada/packed-${n}/tag/main`
      const tags = Array.from({ length: 51 }, (_, at) => ({ tag: `t${at}`, message: 'makes a pack' }))
      await Promise.all(tags.map(tag => statusOf(place, 'POST', path, tag)))
      expect(await packsOf(place, n)).toBe(52)
    },
    run: async (place, n) => place.runTask({ do: 'merge', repoId: await idOf(place, n) }),
    find: async (place, n) => {
      const packs = await packsOf(place, n)
      return allOrNone({ merged: packs === 1, changed: packs < 52 })
    },
  },
  {
    name: 'gc',
    isTask: true,
    moments: 'many',
    prepare: async (place, n) => {
      await createRepo(place, `fleeting-${n}`)
      const content = contentOf(`fleeting ${n}`)
      await new Ledger(place).addLfsFile(`ada/fleeting-${n}`, 'main', 'w.bin', content)
      await statusOf(place, 'DELETE', '/api/repos/delete', { name: `fleeting-${n}` })
      // What cut uploads leave: a pack and a xorb without a row.
      const packId = sha256Of(content).slice(0, 40)
      await place.hub!.objects.put(`repos/nobody/packs/${packId}.pack`, content)
      const { hash } = xorbOf(`orphan ${n}`)
      await place.hub!.objects.put(`xorbs/${hash.slice(0, 2)}/${hash}`, content)
    },
    run: place => place.runTask({ do: 'gc' }),
    // What is not garbage is looked at by fsck.
    find: async () => 'whole',
  },
]

const ids = new Map<number, string>()

/** Of the repository whose packs are merged. */
async function idOf({ hub }: Place, n: number): Promise<string> {
  if (hub) ids.set(n, (await hub.repos.find('model', 'ada', `packed-${n}`)).id)
  return ids.get(n)!
}

async function packsOf(place: Place, n: number): Promise<number> {
  return (await countingPacks(place.hub!.database.sql, await idOf(place, n))).length
}
