import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'
import type { Repository } from '../../kernel/repository.ts'

/** alice owns the repositories, bob and carol may read them. */
let hub: TestHub
/** Another process on the same data. */
let beside: TestHub
let alice: ReturnType<TestHub['as']>
let bob: ReturnType<TestHub['as']>
let carol: ReturnType<TestHub['as']>
let nobody: ReturnType<TestHub['as']>
let serial = 0
let name = ''
let api = ''

beforeAll(async () => {
  hub = await TestHub.open()
  beside = await TestHub.on(hub.hub.config.data)
  for (const name of ['alice', 'bob', 'carol']) {
    await hub.hub.accounts.addUser({ name, token: { value: `hf_${name}`, name: 'test', role: 'write' } })
  }
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  carol = hub.as('hf_carol')
  nobody = hub.as()
})
afterAll(async () => {
  await beside.close()
  await hub.close()
})
beforeEach(async () => {
  name = `r${++serial}`
  api = `/api/models/alice/${name}`
  expect((await alice.post('/api/repos/create', { name })).status).toBe(200)
})

type Client = ReturnType<TestHub['as']>
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
type Json = any

const repo = (): Promise<Repository> => hub.hub.repos.find('model', 'alice', name)

async function open(who: Client, more: object = {}): Promise<number> {
  const answer = await who.post(`${api}/discussions`, {
    title: 'Weights are odd',
    description: 'Why?',
    ...more,
  })
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return answer.json().num
}

const details = async (number: number, who: Client = nobody): Promise<Json> =>
  (await who.get(`${api}/discussions/${number}?diff=1`)).json()

/** A pull request of one file, made by its commit. */
async function pullRequest(who: Client, files: Record<string, unknown>): Promise<number> {
  const answer = await commitTo(who, 'main', files, '?create_pr=1')
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('/discussions/')])
  return Number(/\d+$/.exec(answer.json().pullRequestUrl)![0])
}

function commitTo(who: Client, revision: string, files: Record<string, unknown>, query = '') {
  const lines = Object.entries(files).map(([path, content]) =>
    content === null
      ? { key: path.endsWith('/') ? 'deletedFolder' : 'deletedFile', value: { path } }
      : typeof content === 'string'
        ? { key: 'file', value: { path, content, encoding: 'utf-8' } }
        : { key: 'lfsFile', value: { path, ...(content as { oid: string; size: number }) } },
  )
  const body = [{ key: 'header', value: { summary: 'Change files' } }, ...lines]
  return who.post(
    `${api}/commit/${encodeURIComponent(revision)}${query}`,
    body.map(line => JSON.stringify(line)).join('\n'),
    { 'content-type': 'application/x-ndjson' },
  )
}

const merge = (who: Client, number: number) => who.post(`${api}/discussions/${number}/merge`)
const raw = async (path: string, revision = 'main') =>
  (await nobody.get(`/alice/${name}/resolve/${encodeURIComponent(revision)}/${path}`)).text
const eventTypes = (found: Json) => found.events.map((event: Json) => event.type)

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('discussions', () => {
  it('hold what was said, in order, by whom', async () => {
    const number = await open(bob)
    const said = await carol.post(`${api}/discussions/${number}/comment`, {
      comment: '**So** <b>what</b>?\nWell.',
    })
    await bob.post(`${api}/discussions/${number}/title`, { title: '  Weights are\n fine ' })
    const closed = await alice.post(`${api}/discussions/${number}/status`, {
      status: 'closed',
      comment: 'Done',
    })
    expect(closed.json().newStatus.data).toEqual({ status: 'closed' })
    const found = await details(number)
    expect(found).toMatchObject({
      num: 1,
      title: 'Weights are fine',
      status: 'closed',
      author: { name: 'bob' },
      isPullRequest: false,
      repo: { name: `alice/${name}`, type: 'model' },
    })
    expect(found.events.map((event: Json) => [event.type, event.author.name])).toEqual([
      ['comment', 'bob'],
      ['comment', 'carol'],
      ['title-change', 'bob'],
      ['comment', 'alice'],
      ['status-change', 'alice'],
    ])
    expect(found.events[1]).toEqual(said.json().newMessage)
    expect(found.events[1].data.latest).toMatchObject({
      raw: '**So** <b>what</b>?\nWell.',
      html: '<p>**So** &#60;b&#62;what&#60;/b&#62;?<br>Well.</p>',
    })
    expect(found.events[2].data).toEqual({ from: 'Weights are odd', to: 'Weights are fine' })
    expect(found).not.toHaveProperty('changes')
  })

  it('are listed by type, status and author, newest first, in pages of 50', async () => {
    await open(bob)
    await open(alice, { pullRequest: true })
    for (let more = 0; more < 50; more++) await open(alice)
    await bob.post(`${api}/discussions/1/status`, { status: 'closed' })
    const list = async (query: string) => {
      const answer = (await nobody.get(`${api}/discussions?${query}`)).json()
      return [answer.count, answer.start, answer.discussions.map((one: Json) => one.num)]
    }
    const first = Array.from({ length: 50 }, (_, at) => 52 - at)
    expect(await list('')).toEqual([52, 0, first])
    expect(await list('p=1')).toEqual([52, 50, [2, 1]])
    expect(await list('p=2')).toEqual([52, 100, []])
    expect(await list('type=pull_request&status=open')).toEqual([1, 0, [2]])
    expect(await list('type=discussion&status=closed')).toEqual([1, 0, [1]])
    expect(await list('author=BOB')).toEqual([1, 0, [1]])
    expect(await list('author=never-there')).toEqual([0, 0, []])
    expect((await nobody.get(`${api}/discussions?status=odd`)).status).toBe(400)
  })

  it('are numbered once each when many are opened at the same moment', async () => {
    const numbers = await Promise.all(Array.from({ length: 12 }, (_, at) => open(at % 2 ? alice : bob)))
    expect(new Set(numbers).size).toBe(12)
    expect((await nobody.get(`${api}/discussions`)).json().count).toBe(12)
  })

  it('are changed by their author and by writers, and comments by who wrote them', async () => {
    const number = await open(bob)
    const [first] = (await details(number)).events
    const at = `${api}/discussions/${number}`
    const refused = [
      await carol.post(`${at}/title`, { title: 'Mine now' }),
      await carol.post(`${at}/status`, { status: 'closed' }),
      await carol.post(`${at}/comment/${first.id}/hide`),
      await carol.post(`${at}/comment/${first.id}/edit`, { content: 'x' }),
      await alice.post(`${at}/comment/${first.id}/edit`, { content: 'x' }),
      await bob.post(`${at}/merge`),
    ]
    expect(refused.map(answer => answer.status)).toEqual([403, 403, 403, 403, 403, 403])
    expect(refused[0]!.json().error).toBe(
      `only its author, and whoever may write to alice/${name}, may change its title`,
    )
    const edited = await bob.post(`${at}/comment/${first.id}/edit`, { content: 'Why not?' })
    expect(edited.json().updatedComment.data).toMatchObject({
      edited: true,
      numEdits: 1,
      latest: { raw: 'Why not?' },
      history: [{ raw: 'Why?' }],
    })
    const hidden = await alice.post(`${at}/comment/${first.id}/hide`)
    expect(hidden.json().updatedComment.data).toMatchObject({
      hidden: true,
      hiddenBy: { name: 'alice' },
      latest: { raw: '', html: '' },
      history: [],
    })
    expect(JSON.stringify(await details(number))).not.toContain('Why')
    expect((await bob.post(`${at}/comment/${first.id}/edit`, { content: 'x' })).status).toBe(409)
    expect((await alice.post(`${at}/merge`)).status).toBe(400)
  })

  it('refuse what is too long, empty, or not there, and say so', async () => {
    const number = await open(bob)
    const at = `${api}/discussions/${number}`
    const answers = [
      await bob.post(`${api}/discussions`, { title: ' a ', description: '' }),
      await bob.post(`${api}/discussions`, { title: 'a'.repeat(201) }),
      await bob.post(`${at}/comment`, { comment: ' \n' }),
      await bob.post(`${at}/comment`, { comment: 'é'.repeat(32 * 1024 + 1) }),
      await bob.post(`${at}/status`, { status: 'merged' }),
      await bob.post(`${at}/status`, { status: 'open' }),
      await bob.post(`${at}/comment/0123/edit`, { content: 'x' }),
      await bob.post(`${api}/discussions/99/comment`, { comment: 'x' }),
      await bob.get(`${api}/discussions/0`),
      await bob.get(`${api}/discussions/one`),
    ]
    expect(answers.map(answer => answer.status)).toEqual([400, 400, 400, 413, 400, 409, 404, 404, 404, 404])
    expect(answers[0]!.json().error).toBe('title: has 1 characters; it must have 3 to 200')
    expect(answers[3]!.json().error).toContain('a comment is over the limit of 65536 bytes')
    expect(answers[5]!.json().error).toBe('#1 is open; nothing was changed')
    expect((await details(number)).events).toHaveLength(1)
  })

  it('hold no more than can be read at once', async () => {
    const number = await open(bob)
    const comment = 'x'.repeat(64 * 1024)
    const statuses = []
    for (let at = 0; at < 65; at++) {
      statuses.push((await bob.post(`${api}/discussions/${number}/comment`, { comment })).status)
    }
    expect(statuses.indexOf(413)).toBe(63)
    // What is hidden makes room.
    const { id } = (await details(number)).events[1]
    await bob.post(`${api}/discussions/${number}/comment/${id}/hide`)
    expect((await bob.post(`${api}/discussions/${number}/comment`, { comment })).status).toBe(200)
  })

  it('are closed while somebody comments: both are there', async () => {
    const number = await open(bob)
    const at = `${api}/discussions/${number}`
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, (_, n) => carol.post(`${at}/comment`, { comment: `c${n}` })),
      alice.post(`${at}/status`, { status: 'closed' }),
      bob.post(`${at}/status`, { status: 'closed' }),
    ])
    expect(answers.map(answer => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 409])
    const found = await details(number)
    expect(eventTypes(found).sort()).toEqual([...Array(6).fill('comment'), 'status-change'])
    expect(found.status).toBe('closed')
  })

  it('can be closed to new ones by the owner, to all or to the hub', async () => {
    const number = await open(bob)
    const about = { subject: 'file x', title: 'A file is not what it says', description: 'x' }
    const byHub = await hub.hub.discussions.openByHub(await repo(), about)
    expect(await hub.hub.discussions.openByHub(await repo(), about)).toBe(byHub)
    expect(await details(byHub!)).toMatchObject({ author: { name: 'system', type: 'hub' }, status: 'open' })
    await alice.put(`${api}/settings`, { hubDiscussionsDisabled: true })
    expect(await hub.hub.discussions.openByHub(await repo(), { ...about, subject: 'y' })).toBeUndefined()
    expect(await open(bob)).toBe(3)
    await alice.put(`${api}/settings`, { discussionsDisabled: true })
    for (const who of [alice, bob]) {
      const refused = [
        await who.post(`${api}/discussions`, { title: 'Again', description: '' }),
        await commitTo(who, 'main', { 'x.txt': 'x' }, '?create_pr=1'),
      ]
      expect(refused.map(answer => answer.status)).toEqual([403, 403])
    }
    expect((await bob.post(`${api}/discussions/${number}/comment`, { comment: 'Still here' })).status).toBe(
      200,
    )
    await alice.put(`${api}/settings`, { discussionsDisabled: false })
    expect(await open(bob)).toBe(4)
  })

  it('go with their repository, and a new one of its name begins anew', async () => {
    await open(bob)
    await pullRequest(bob, { 'x.txt': 'x' })
    const { id } = await repo()
    await alice.delete('/api/repos/delete', { name })
    expect((await bob.get(`${api}/discussions/1`)).headers['x-error-code']).toBe('RepoNotFound')
    await alice.post('/api/repos/create', { name })
    expect((await nobody.get(`${api}/discussions`)).json().count).toBe(0)
    expect(await open(bob)).toBe(1)
    const sql = hub.hub.database.sql.withTables<{ discussions: { repo_id: string } }>()
    expect(await sql.selectFrom('discussions').select('repo_id').where('repo_id', '=', id).execute()).toEqual(
      [],
    )
  })
})

describe('pull requests', () => {
  it('are opened by a reader’s commit, and merged by a writer: fast-forward', async () => {
    const number = await pullRequest(bob, { 'new.txt': 'by bob\n' })
    const before = await details(number)
    expect(before).toMatchObject({
      title: 'Change files',
      status: 'open',
      isPullRequest: true,
      changes: { base: 'refs/heads/main' },
      filesWithConflicts: [],
    })
    expect(before.diff).toContain('+by bob')
    expect(eventTypes(before)).toEqual(['comment', 'commit'])
    const { oid } = before.events[1].data
    expect(await raw('new.txt', `refs/pr/${number}`)).toBe('by bob\n')
    expect((await nobody.get(`/alice/${name}/resolve/main/new.txt`)).status).toBe(404)
    const refs = (await nobody.get(`${api}/refs?include_prs=1`)).json()
    expect(refs.pullRequests).toEqual([{ name: '1', ref: 'refs/pr/1', targetCommit: oid }])

    expect((await bob.post(`${api}/discussions/${number}/merge`)).status).toBe(403)
    const merged = await alice.post(`${api}/discussions/${number}/merge`, { comment: 'Thanks' })
    expect(merged.json().newStatus.data).toEqual({ status: 'merged' })
    const after = await details(number)
    expect(after).toMatchObject({ status: 'merged', changes: { mergeCommitId: oid } })
    expect(after.diff).toBe(before.diff)
    expect(eventTypes(after)).toEqual(['comment', 'commit', 'comment', 'status-change'])
    expect(await raw('new.txt')).toBe('by bob\n')
    expect((await nobody.get(api)).json().sha).toBe(oid)
  })

  it('are merged by a commit with two parents when main has moved, however files lie', async () => {
    await commitTo(alice, 'main', { 'a/keep.txt': '1', 'a/b/gone.txt': '2', 'both.txt': 'old', 'c.txt': '3' })
    const number = await pullRequest(bob, {
      'a/b/gone.txt': null,
      'a/b/deep/new.txt': 'theirs',
      'both.txt': 'same on both sides',
    })
    await commitTo(alice, 'main', { 'a/ours.txt': 'ours', 'both.txt': 'same on both sides', 'c.txt': null })
    expect((await details(number)).filesWithConflicts).toEqual([])
    expect((await merge(alice, number)).status).toBe(200)
    const tree = (await nobody.get(`${api}/tree/main?recursive=1`)).json()
    expect(tree.filter((entry: Json) => entry.type === 'file').map((entry: Json) => entry.path)).toEqual([
      '.gitattributes',
      'a/b/deep/new.txt',
      'a/keep.txt',
      'a/ours.txt',
      'both.txt',
    ])
    const [head] = (await nobody.get(`${api}/commits/main`)).json()
    expect(head).toMatchObject({ title: 'Change files (#1)', authors: [{ user: 'alice' }] })
    expect(head.id).toBe((await details(number)).changes.mergeCommitId)
  })

  it('say which files conflict, and are not merged then', async () => {
    await commitTo(alice, 'main', { 'd/x.txt': 'old', 'y/z.txt': 'old' })
    const number = await pullRequest(bob, {
      'd/x.txt': 'theirs',
      'y/': null,
      y: 'a file now',
      'n.txt': 'a',
    })
    await commitTo(alice, 'main', { 'd/x.txt': 'ours', 'y/z.txt': 'ours', 'n.txt': 'b' })
    expect((await details(number)).filesWithConflicts).toEqual(['d/x.txt', 'n.txt', 'y/z.txt'])
    const refused = await merge(alice, number)
    expect([refused.status, refused.json().filesWithConflicts]).toEqual([
      409,
      ['d/x.txt', 'n.txt', 'y/z.txt'],
    ])
    expect(refused.json().error).toContain('d/x.txt')
    expect((await details(number)).status).toBe('open')
    // The author brings what was ours into it, and then it can be merged.
    await commitTo(bob, `refs/pr/${number}`, {
      'd/x.txt': 'ours',
      y: null,
      'y/z.txt': 'ours',
      'n.txt': 'b',
      'more.txt': 'm',
    })
    expect((await merge(alice, number)).status).toBe(200)
    expect([await raw('d/x.txt'), await raw('more.txt')]).toEqual(['ours', 'm'])
  })

  it('begin as drafts without commits, which are not merged before they are open', async () => {
    const number = await open(bob, { pullRequest: true })
    expect(await details(number)).toMatchObject({ status: 'draft', diff: '', filesWithConflicts: [] })
    expect((await commitTo(bob, `refs/pr/${number}`, { 'b.txt': 'b' })).status).toBe(200)
    const refused = await merge(alice, number)
    expect([refused.status, refused.json().error]).toEqual([
      409,
      '#1 is a draft; only what is open can be merged',
    ])
    await bob.post(`${api}/discussions/${number}/status`, { status: 'open' })
    expect((await merge(alice, number)).status).toBe(200)
    expect(await raw('b.txt')).toBe('b')
  })

  it('take commits of their author and of writers, while they are open', async () => {
    const number = await pullRequest(bob, { 'b.txt': 'b' })
    const at = `refs/pr/${number}`
    const outcomes = [
      await commitTo(carol, at, { 'c.txt': 'c' }),
      await commitTo(bob, 'main', { 'c.txt': 'c' }),
      await commitTo(bob, at, { 'b.txt': 'bb' }),
      await commitTo(alice, at, { 'a.txt': 'a' }),
      await commitTo(bob, 'refs/pr/77', { 'b.txt': 'b' }),
    ]
    expect(outcomes.map(answer => answer.status)).toEqual([403, 403, 200, 200, 404])
    expect(eventTypes(await details(number))).toEqual(['comment', 'commit', 'commit', 'commit'])
    for (const path of [
      `preupload/${encodeURIComponent(at)}`,
      'preupload/main',
      'preupload/main?create_pr=1',
    ]) {
      const asked = { files: [{ path: 'x.bin', size: 1, sample: '' }] }
      const statuses = []
      for (const who of [alice, bob, carol]) statuses.push((await who.post(`${api}/${path}`, asked)).status)
      const expected = path.endsWith('main')
        ? [200, 403, 403]
        : path.endsWith('=1')
          ? [200, 200, 200]
          : [200, 200, 403]
      expect([path, statuses]).toEqual([path, expected])
    }
    await bob.post(`${api}/discussions/${number}/status`, { status: 'closed' })
    const late = await commitTo(bob, at, { 'b.txt': 'late' })
    expect([late.status, late.json().error]).toEqual([409, '#1 is closed; it takes no more commits'])
  })

  it('go to any branch, and begin at the commit that is named', async () => {
    const { sha: start } = (await nobody.get(api)).json()
    await alice.post(`${api}/branch/dev`, {})
    await commitTo(alice, 'dev', { 'd.txt': 'dev' })
    const answer = await commitTo(bob, 'dev', { 'b.txt': 'b' }, '?create_pr=1')
    expect(answer.status).toBe(200)
    expect(await details(1)).toMatchObject({ changes: { base: 'refs/heads/dev' } })
    expect((await merge(alice, 1)).status).toBe(200)
    expect(await raw('b.txt', 'dev')).toBe('b')
    for (const revision of [start, 'never-there', 'refs/pr/1']) {
      const refused = await commitTo(bob, revision, { 'b.txt': 'b' }, '?create_pr=1')
      expect([refused.status, refused.headers['x-error-code']]).toEqual([404, 'RevisionNotFound'])
    }
  })

  it('of two that are merged at once both are there, and one is merged once', async () => {
    const numbers = [await pullRequest(bob, { 'one.txt': '1' }), await pullRequest(carol, { 'two.txt': '2' })]
    const elsewhere = beside.as('hf_alice')
    const answers = await Promise.all([
      ...numbers.map(number => merge(alice, number)),
      ...numbers.map(number => merge(elsewhere, number)),
    ])
    expect(answers.map(answer => answer.status).sort()).toEqual([200, 200, 409, 409])
    expect([await raw('one.txt'), await raw('two.txt')]).toEqual(['1', '2'])
    for (const number of numbers) {
      const found = await details(number)
      expect(eventTypes(found)).toEqual(['comment', 'commit', 'status-change'])
      expect((await nobody.get(`${api}/revision/${found.changes.mergeCommitId}`)).status).toBe(200)
    }
  })
})

describe('files of readers', () => {
  let content: Buffer
  let oid: string
  // Other than in the tests before: what a user could read anywhere need not be brought.
  beforeEach(() => {
    content = Buffer.from(`large, let us say, in ${name}`)
    oid = sha256(content)
  })

  async function offer(who: Client, size = content.length, object = oid) {
    const answer = await who.post(`/alice/${name}.git/info/lfs/objects/batch`, {
      operation: 'upload',
      objects: [{ oid: object, size }],
    })
    expect(answer.status).toBe(200)
    return answer.json().objects[0]
  }
  const put = (href: string, bytes: Uint8Array) => {
    const { pathname, search } = new URL(href)
    return nobody.put(pathname + search, bytes)
  }

  it('wait apart until their pull request takes them', async () => {
    const { actions } = await offer(bob)
    expect((await put(actions.upload.href, content)).status).toBe(200)
    const { id } = await repo()
    expect((await hub.hub.blobs.describe(id, [oid])).size).toBe(0)
    // They are nobody else's: carol has to bring them too.
    expect((await offer(carol)).actions.upload).toBeDefined()
    expect(
      (await commitTo(carol, 'main', { 'w.bin': { oid, size: content.length } }, '?create_pr=1')).status,
    ).toBe(422)
    const number = await pullRequest(bob, { 'w.bin': { oid, size: content.length } })
    expect(await raw('w.bin', `refs/pr/${number}`)).toBe(content.toString())
    expect((await offer(alice)).actions).toBeUndefined()
    expect((await merge(alice, number)).status).toBe(200)
    expect(await raw('w.bin')).toBe(content.toString())
  })

  it('are let go when no commit takes them in time, and not before', async () => {
    const { blobs, repos } = hub.hub
    const collect = (graceMs: number) =>
      blobs.collect({ dryRun: false, graceMs, liveHolders: repos.liveHolders, progress: () => {} })
    const { actions } = await offer(bob)
    await put(actions.upload.href, content)
    await collect(60_000)
    expect((await offer(bob)).actions).toBeUndefined()
    await collect(-1)
    expect((await offer(bob)).actions.upload).toBeDefined()
  })

  it('cannot stand in the way of the true content by a false claim', async () => {
    const { blobs } = hub.hub
    const { id } = await repo()
    const bobId = (await hub.hub.accounts.findAccount('bob'))!.id
    const other = Buffer.from('something else!!!')
    const otherOid = createHash('sha256').update(other).digest('hex')
    const stored = await blobs.ingest(`${id}-${bobId}`, [other] as never, {
      sha256: otherOid,
      size: other.length,
    })
    // As a shard would claim it: the Xet file of `other` by the sha256 of `content`, which nobody has read yet.
    const sql = hub.hub.database.sql.withTables<{
      files: { hash: string; sha256: string | null }
      holdings: { holder: string; sha256: string; file_hash: string; created_at: number; committed_at: null }
    }>()
    await sql.updateTable('files').set({ sha256: null }).where('hash', '=', stored.fileHash).execute()
    const claim = { holder: `${id}-${bobId}`, sha256: oid, file_hash: stored.fileHash }
    await sql
      .insertInto('holdings')
      .values({ ...claim, created_at: Date.now(), committed_at: null })
      .execute()

    const refused = await commitTo(bob, 'main', { 'w.bin': { oid, size: other.length } }, '?create_pr=1')
    expect([refused.status, refused.json().error]).toEqual([
      422,
      expect.stringContaining('hashes to something else'),
    ])
    expect((await nobody.get(`${api}/discussions`)).json().count).toBe(0)
    const { actions } = await offer(alice)
    expect((await put(actions.upload.href, content)).status).toBe(200)
    expect((await commitTo(alice, 'main', { 'w.bin': { oid, size: content.length } })).status).toBe(200)
    expect(await raw('w.bin')).toBe(content.toString())
  })

  it('are bounded: told before the upload, held to at the commit', async () => {
    const limit = 20 * 1024 ** 3
    const asked = (size: number) => ({ files: [{ path: 'w.bin', size, sample: 'AAAA' }] })
    const ask = (who: Client, size: number) => who.post(`${api}/preupload/main?create_pr=1`, asked(size))
    expect((await ask(bob, limit)).status).toBe(200)
    const refused = await ask(bob, limit + 1)
    expect([refused.status, refused.json().error]).toEqual([
      413,
      expect.stringContaining(`limit of ${limit} bytes`),
    ])
    expect((await ask(alice, limit + 1)).status).toBe(200)

    const number = await pullRequest(bob, { 'b.txt': 'b' })
    const sql = hub.hub.database.sql.withTables<{ discussions: { repo_id: string; brought_bytes: number } }>()
    const { id } = await repo()
    const [brought] = await sql
      .selectFrom('discussions')
      .select('brought_bytes')
      .where('repo_id', '=', id)
      .execute()
    expect(brought!.brought_bytes).toBeGreaterThan(100)
    await sql
      .updateTable('discussions')
      .set({ brought_bytes: limit - 10 })
      .where('repo_id', '=', id)
      .execute()
    const late = await commitTo(bob, `refs/pr/${number}`, { 'b.txt': 'more' })
    expect([late.status, late.json().error]).toEqual([
      413,
      expect.stringContaining('what you may still bring'),
    ])
    expect(await raw('b.txt', `refs/pr/${number}`)).toBe('b')
    expect((await commitTo(carol, 'main', { 'c.txt': 'c' }, '?create_pr=1')).status).toBe(200)
    // What a writer has taken is the repository's own.
    await merge(alice, number)
    expect((await commitTo(bob, 'main', { 'b2.txt': 'b' }, '?create_pr=1')).status).toBe(200)
  })
})

describe('images', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(100, 7)])
  const collect = (graceMs: number) => hub.hub.discussions.collect({ dryRun: false, graceMs })
  const upload = (bytes: Uint8Array, type = 'image/png') =>
    bob.post('/uploads', bytes, { 'content-type': type })
  const pathOf = (url: string) => new URL(url).pathname

  it('are known by their content and served as nothing else', async () => {
    const { text: url } = await upload(png, 'text/html')
    expect(url).toMatch(/^http:\/\/hub\.test\/uploads\/[0-9a-f]{32}\.png$/)
    const answer = await nobody.get(pathOf(url))
    expect(answer.bytes).toEqual(png)
    expect(answer.headers).toMatchObject({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')
    for (const bytes of [svg, Buffer.from('GIF8'), Buffer.alloc(0), Buffer.from('<html>')]) {
      const refused = await upload(bytes, 'image/png')
      expect([refused.status, refused.json().error]).toEqual([
        415,
        expect.stringContaining('PNG, JPEG, GIF or WebP'),
      ])
    }
    expect((await upload(Buffer.concat([png, Buffer.alloc(10 * 1024 * 1024)]))).status).toBe(413)
    expect((await nobody.post('/uploads', png)).status).toBe(401)
    expect((await nobody.get('/uploads/..%2Fx.png')).status).toBe(404)
  })

  it('stay while a comment shows them, and go when it is hidden', async () => {
    const [shown, unused] = [(await upload(png)).text, (await upload(png)).text]
    const number = await open(bob, { description: `![odd](${shown})` })
    const status = async (url: string) => (await nobody.get(pathOf(url))).status
    await collect(60_000)
    expect([await status(shown), await status(unused)]).toEqual([200, 200])
    await collect(-1)
    expect([await status(shown), await status(unused)]).toEqual([200, 404])
    const [{ id }] = (await details(number)).events
    await alice.post(`${api}/discussions/${number}/comment/${id}/hide`)
    await collect(-1)
    expect(await status(shown)).toBe(404)
  })
})
