import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { nextTurn } from '../test/next-turn.ts'
import { TestHub } from './hub-for-test.suite.ts'

/**
 * What a change means to the very next request, when everything it touches has just been asked for: nothing that is
 * remembered outlives it, whether this process has written or another one.
 */
let served: TestHub
let beside: TestHub
beforeAll(async () => {
  served = await TestHub.open()
  beside = await TestHub.on(served.hub.config.data)
  await served.hub.accounts.addUser({
    name: 'alice',
    token: { value: 'hf_alice', name: 'first', role: 'write' },
  })
  await served.hub.accounts.addUser({ name: 'bob', token: { value: 'hf_bob', name: 'first', role: 'write' } })
})
afterAll(async () => {
  await beside.close()
  await served.close()
})

type Asked = Awaited<ReturnType<ReturnType<TestHub['as']>['get']>>

describe.each([
  ['this process', () => served],
  ['another process', () => beside],
])('after a change by %s', (who, writer) => {
  const repo = `alice/${who.split(' ')[0]}`
  const alice = () => writer().as('hf_alice')
  /** Statements that name their table; of raw SQL it is not known, so they would be taken for writes to all. */
  const rows = () => writer().hub.database.sql as Kysely<Record<string, Record<string, unknown>>>
  const commit = async (files: Record<string, unknown>, branch = 'main') => {
    const answer = await alice().commit(repo, files, { branch })
    expect(answer.status).toBe(200)
    await nextTurn()
    return String(answer.json().commitOid)
  }
  /** Asks twice before, so that the answer is remembered, and once after. */
  const around = async (ask: () => Promise<Asked>, change: () => Promise<unknown>) => {
    await ask()
    const before = await ask()
    await change()
    await nextTurn()
    return { before, after: await ask() }
  }
  const anyone = () => served.as()

  beforeAll(async () => {
    await alice().post('/api/repos/create', { name: repo })
    await commit({ 'README.md': '---\nlicense: mit\n---\n', 'a.txt': 'one' })
  })

  it('a file is the one of the new commit', async () => {
    let commitId = ''
    const { before, after } = await around(
      () => anyone().get(`/${repo}/resolve/main/a.txt`),
      async () => {
        commitId = await commit({ 'a.txt': 'two' })
      },
    )
    expect([before.text, after.text, after.headers['x-repo-commit']]).toEqual(['one', 'two', commitId])
  })

  it('info tells of the new commit', async () => {
    let commitId = ''
    const { before, after } = await around(
      () => anyone().get(`/api/models/${repo}`),
      async () => {
        commitId = await commit({ 'README.md': '---\nlicense: apache-2.0\n---\n', 'b.txt': 'new' })
      },
    )
    expect(before.json().tags).toContain('license:mit')
    expect(after.json()).toMatchObject({ sha: commitId, cardData: { license: 'apache-2.0' } })
    expect(after.json().siblings.map((file: { rfilename: string }) => file.rfilename)).toContain('b.txt')
  })

  it('info tells of new counts', async () => {
    const { before, after } = await around(
      () => anyone().get(`/api/models/${repo}`),
      () =>
        rows()
          .updateTable('catalog')
          .set(set => ({ likes: set('likes', '+', 7) }))
          .execute(),
    )
    expect(after.json().likes).toBe(before.json().likes + 7)
  })

  it('a list tells of every table that it is made of', async () => {
    const name = `${repo}-listed`
    await alice().post('/api/repos/create', { name })
    const card = '---\nlicense: isc\nmodels: [ada/poems]\n---\nA pangolin.\n'
    expect((await alice().commit(name, { 'README.md': card })).status).toBe(200)
    await vi.waitFor(async () => expect(await rows().selectFrom('jobs').select('id').execute()).toEqual([]))
    const [{ repo_id }] = (await rows()
      .selectFrom('catalog')
      .select('repo_id')
      .where('search_name', '=', name)
      .execute()) as [{ repo_id: string }]
    const change = (table: string, values: Record<string, unknown>) => () =>
      rows().updateTable(table).set(values).where('repo_id', '=', repo_id).execute()
    const remove = (table: string) => () => rows().deleteFrom(table).where('repo_id', '=', repo_id).execute()
    const found = async (query: string, changed: () => Promise<unknown>) => {
      const { before, after } = await around(() => anyone().get(`/api/models?${query}`), changed)
      return [before.json().length, after.json().length]
    }
    const told = await around(
      () => anyone().get('/api/models?filter=license:isc&full=true'),
      change('catalog_facts', { siblings: '["other.txt"]' }),
    )
    expect([told.before.json()[0].siblings.length, told.after.json()[0].siblings]).toEqual([
      2,
      [{ rfilename: 'other.txt' }],
    ])
    await change('catalog_texts', { terms: ' unheard ' })()
    await nextTurn()
    const term = { term: 'unheard', repo_id }
    expect(
      await found('search=unheard', () => rows().insertInto('catalog_terms').values(term).execute()),
    ).toEqual([0, 1])
    expect(await found('search=unheard', change('catalog_texts', { terms: ' ' }))).toEqual([1, 0])
    expect(await found('models=ada/poems', remove('catalog_links'))).toEqual([1, 0])
    expect(await found('filter=license:isc', remove('catalog_tags'))).toEqual([1, 0])
    const [, own] = name.split('/')
    expect(await found(`search=${own}`, change('catalog', { search_name: 'alice/renamed' }))).toEqual([1, 0])
    await change('catalog', { search_name: name })()
    await nextTurn()
    expect(await found(`search=${own}`, remove('catalog_suffixes'))).toEqual([1, 0])
  })

  it('a branch that was made is found, a deleted one is not, and its name goes back to the tag', async () => {
    const ask = () => anyone().head(`/${repo}/resolve/v1/a.txt`)
    const made = await around(ask, () => alice().post(`/api/models/${repo}/branch/v1`))
    expect([made.before.status, made.after.status]).toEqual([404, 200])
    const branchCommit = await commit({ 'a.txt': 'on the branch' }, 'v1')
    await alice().post(`/api/models/${repo}/tag/main`, { tag: 'v1' })
    await nextTurn()
    const deleted = await around(ask, () => alice().delete(`/api/models/${repo}/branch/v1`))
    expect(deleted.before.headers['x-repo-commit']).toBe(branchCommit)
    const main = (await anyone().get(`/api/models/${repo}`)).json().sha
    expect([deleted.after.status, deleted.after.headers['x-repo-commit']]).toEqual([200, main])
    const untagged = await around(ask, () => alice().delete(`/api/models/${repo}/tag/v1`))
    expect([untagged.before.status, untagged.after.status]).toEqual([200, 404])
  })

  it('a large file is there once it was uploaded', async () => {
    const bytes = Buffer.from(`weights of ${repo}`)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const store = async () => {
      const { id } = await writer().hub.repos.find('model', 'alice', repo.split('/')[1]!)
      const source = (async function* () {
        yield bytes
      })()
      await writer().hub.blobs.ingest(id, source, { sha256, size: bytes.length })
    }
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${bytes.length}\n`
    const find = async () => {
      const { id } = await served.hub.repos.find('model', 'alice', repo.split('/')[1]!)
      return served.hub.blobs.find(id, sha256)
    }
    expect([await find(), await find()]).toEqual([undefined, undefined])
    await store()
    await nextTurn()
    await commit({ 'w.bin': { sha256, size: bytes.length } })
    expect((await anyone().get(`/${repo}/resolve/main/w.bin`)).text).toBe(bytes.toString())
    expect((await anyone().get(`/${repo}/raw/main/w.bin`)).text).toBe(pointer)
    const gone = await around(
      () => anyone().get(`/${repo}/resolve/main/w.bin`),
      () => rows().deleteFrom('holdings').execute(),
    )
    expect([gone.before.status, gone.after.status]).toEqual([200, 422])
  })

  it('what has become private is gone for others, and back when it is public', async () => {
    for (const path of [`/api/models/${repo}`, `/${repo}/resolve/main/a.txt`]) {
      const ask = () => served.as('hf_bob').get(path)
      const hidden = await around(ask, () => alice().put(`/api/models/${repo}/settings`, { private: true }))
      expect([hidden.before.status, hidden.after.status]).toEqual([200, 404])
      const shown = await around(ask, () => alice().put(`/api/models/${repo}/settings`, { private: false }))
      expect([shown.before.status, shown.after.status]).toEqual([404, 200])
    }
  })

  it('a moved repository is led to, until a new one has its old name', async () => {
    const [old, name] = [`${repo}-old`, `${repo}-new`]
    await alice().post('/api/repos/create', { name: old })
    await nextTurn()
    const ask = () => anyone().get(`/api/models/${old}`)
    const moved = await around(ask, () => alice().post('/api/repos/move', { fromRepo: old, toRepo: name }))
    expect([moved.before.status, moved.after.status]).toEqual([200, 307])
    expect(moved.after.headers.location).toBe(`/api/models/${name}`)
    const taken = await around(ask, () => alice().post('/api/repos/create', { name: old }))
    expect([taken.before.status, taken.after.status]).toEqual([307, 200])
    expect((await anyone().get(`/api/models/${name}`)).json().id).toBe(name)
  })

  it('a gate lets in whom it has accepted, and nobody whom it has not', async () => {
    const ask = () => served.as('hf_bob').get(`/${repo}/resolve/main/a.txt`)
    const shut = await around(ask, () => alice().put(`/api/models/${repo}/settings`, { gated: 'auto' }))
    expect([shut.before.status, shut.after.status]).toEqual([200, 403])
    const open = await around(ask, () => writer().as('hf_bob').post(`/${repo}/ask-access`, {}))
    expect([open.before.status, open.after.status]).toEqual([403, 200])
    const handle = `/api/models/${repo}/user-access-request/handle`
    const rejected = await around(ask, () => alice().post(handle, { user: 'bob', status: 'rejected' }))
    expect([rejected.before.status, rejected.after.status]).toEqual([200, 403])
    await alice().put(`/api/models/${repo}/settings`, { gated: false })
    await nextTurn()
  })

  it('a deleted repository is gone, and a new one of the name has nothing of it', async () => {
    const ask = () => served.as('hf_bob').get(`/${repo}/resolve/main/a.txt`)
    const deleted = await around(ask, () => alice().delete('/api/repos/delete', { name: repo }))
    expect([deleted.before.status, deleted.after.status]).toEqual([200, 404])
    await alice().post('/api/repos/create', { name: repo })
    await nextTurn()
    expect((await ask()).headers['x-error-code']).toBe('EntryNotFound')
    expect((await anyone().get(`/api/models/${repo}`)).json().cardData).toEqual({})
  })

  it('a token that was revoked, or whose user is gone, opens nothing', async () => {
    const { token } = await writer().hub.accounts.addToken('bob', { name: who, role: 'read' })
    await nextTurn()
    const set = (table: string, name: string, values: Record<string, unknown>) =>
      rows().updateTable(table).set(values).where('name', '=', name).execute()
    const ask = () => served.as(token).get(`/api/models/${repo}`)
    const revoked = await around(ask, () => set('access_tokens', who, { revoked_at: 1 }))
    expect([revoked.before.status, revoked.after.status]).toEqual([200, 401])
    const back = await around(ask, () => set('access_tokens', who, { revoked_at: null }))
    expect([back.before.status, back.after.status]).toEqual([401, 200])
    const gone = await around(ask, () => set('accounts', 'bob', { deleted_at: 1 }))
    expect([gone.before.status, gone.after.status]).toEqual([200, 401])
    await set('accounts', 'bob', { deleted_at: null })
  })

  it('a browser that was signed out opens nothing', async () => {
    await writer().hub.accounts.addUser({ name: `at-${who.split(' ')[0]}`, password: 'correct horse' })
    const login = await served
      .as()
      .post('/api/login', { name: `at-${who.split(' ')[0]}`, password: 'correct horse' })
    const cookie = login.headers['set-cookie']!
    await nextTurn()
    const { before, after } = await around(
      () => served.as().get('/api/whoami-v2', { cookie }),
      () => rows().deleteFrom('sessions').execute(),
    )
    expect([before.status, after.status]).toEqual([200, 401])
  })

  it('a member who was put out of an organisation sees nothing more of it', async () => {
    const name = `lab-${who.split(' ')[0]}`
    await writer().hub.accounts.addOrganization({
      name,
      members: [
        { user: 'alice', role: 'admin' },
        { user: 'bob', role: 'read' },
      ],
    })
    await alice().post('/api/repos/create', { name: 'plans', organization: name, private: true })
    await nextTurn()
    const { before, after } = await around(
      () => served.as('hf_bob').get(`/api/models/${name}/plans`),
      () => rows().deleteFrom('memberships').where('role', '=', 'read').execute(),
    )
    expect([before.status, after.status]).toEqual([200, 404])
  })

  it('a fine-grained token that has lost its scope reaches nothing', async () => {
    const name = `scoped-${who.split(' ')[0]}`
    await alice().post('/api/repos/create', { name, private: true })
    const { id } = await writer().hub.repos.find('model', 'alice', name)
    const { token } = await writer().hub.accounts.addToken('alice', {
      name,
      role: 'fine-grained',
      scopes: [{ target: { kind: 'repository', id }, access: 'read' }],
    })
    await nextTurn()
    const { before, after } = await around(
      () => served.as(token).get(`/api/models/alice/${name}`),
      () => rows().deleteFrom('token_scopes').execute(),
    )
    expect([before.status, after.status]).toEqual([200, 404])
  })
})

it('the schema has no trigger and no view, which would write and read what no statement names', async () => {
  const { rows } = await sql`select name from sqlite_master where type in ('trigger', 'view')`.execute(
    served.hub.database.sql,
  )
  expect(rows).toEqual([])
})
