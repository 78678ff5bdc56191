import { createHash, randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { nextTurn } from '../test/next-turn.ts'
import { TestHub } from './hub-for-test.suite.ts'

/**
 * The keys that the hub hands out to clients, each against every way of using it for something else: signed URLs of
 * LFS and of xorbs, CAS tokens. `doors.test.ts` shows that nothing but a key opens these routes.
 */

const content = randomBytes(100_000)
const oid = sha256(content)
const other = sha256(randomBytes(10))
const hour = 60 * 60 * 1000

let hub: TestHub
/** What the hub has signed for alice/one, by name. */
let signed: Record<string, SignedUrl>

interface SignedUrl {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Path and query. */
  readonly target: string
  readonly body?: unknown
  /** What it names, and another such thing. */
  readonly names: readonly [string, string]
  readonly lifetime: number
}

const urlNames = [
  'LFS upload',
  'LFS verify',
  'LFS part',
  'LFS complete',
  'LFS download',
  'xorb download',
] as const

beforeAll(async () => {
  hub = await TestHub.open()
  for (const name of ['alice', 'bob']) {
    await hub.hub.accounts.addUser({ name, token: { value: name, name: 't', role: 'write' } })
  }
  for (const name of ['one', 'two']) await makeRepo(name)
  const alice = hub.as('alice')
  const stored = await hub.hub.repos.find('model', 'alice', 'one')
  await hub.hub.blobs.ingest(stored.id, [content] as never, { sha256: oid, size: content.length })
  expect((await alice.commit('alice/one', { 'w.bin': { sha256: oid, size: content.length } })).status).toBe(
    200,
  )

  const upload = await lfs('alice/one', 'upload', other, 10)
  const multipart = await lfs('alice/one', 'upload', sha256(Buffer.from('large')), 2 ** 30, ['multipart'])
  const download = await lfs('alice/one', 'download', oid, content.length)
  const cas = await casToken('alice', 'alice/one', 'read')
  const head = await alice.head('/alice/one/resolve/main/w.bin')
  const file = head.headers['x-xet-hash']!
  const found = await hub.as(cas).get(`/cas/v2/reconstructions/${file}`)
  const [[xorb, entries]] = Object.entries(found.json().xorbs) as [[string, { url: string }[]]]
  const secondPart = String(multipart.upload.header['00002'])
  const uploadId = /uploads\/([^/?]+)/.exec(secondPart)![1]!
  signed = {
    'LFS upload': {
      method: 'PUT',
      target: targetOf(upload.upload.href),
      body: Buffer.alloc(10),
      names: [other, oid],
      lifetime: 24 * hour,
    },
    'LFS verify': {
      method: 'POST',
      target: targetOf(upload.verify.href),
      body: { oid: other, size: 10 },
      names: [other, oid],
      lifetime: 24 * hour,
    },
    'LFS part': {
      method: 'PUT',
      target: targetOf(secondPart),
      body: Buffer.alloc(10),
      names: [`${uploadId}/2`, `${uploadId}/3`],
      lifetime: 24 * hour,
    },
    'LFS complete': {
      method: 'POST',
      target: targetOf(multipart.upload.href),
      body: { oid: sha256(Buffer.from('large')) },
      names: [uploadId, uploadId.split('').reverse().join('')],
      lifetime: 24 * hour,
    },
    'LFS download': {
      method: 'GET',
      target: targetOf(download.download.href),
      names: [oid, other],
      lifetime: hour,
    },
    'xorb download': {
      method: 'GET',
      target: targetOf(entries[0]!.url),
      names: [xorb, 'a'.repeat(64)],
      lifetime: hour,
    },
  }
})
afterAll(() => hub.close())
afterEach(() => {
  vi.useRealTimers()
})

describe.each(urlNames)('the signed URL for %s', name => {
  const answerTo = (change: (url: SignedUrl) => Partial<SignedUrl>, token?: string) => {
    const { method, target, body } = { ...signed[name]!, ...change(signed[name]!) }
    return hub.as(token).send(method, target, body)
  }
  const refused = (words: string) => ({
    status: 403,
    headers: expect.objectContaining({ 'x-error-message': expect.stringContaining(words) }),
  })

  it('opens its door, whoever comes', async () => {
    for (const token of [undefined, 'bob']) {
      expect((await answerTo(() => ({}), token)).headers['x-error-message'] ?? '').not.toMatch(/link/i)
    }
  })

  const misuses: Record<string, (url: SignedUrl) => Partial<SignedUrl>> = {
    'by another method': ({ method }) => ({ method: method === 'GET' ? 'PUT' : 'GET' }),
    'for another object': ({ target, names: [own, foreign] }) => ({ target: target.replace(own, foreign) }),
    'for longer': ({ target }) => ({ target: target.replace(/exp=\d+/, 'exp=99999999999') }),
    'without its signature': ({ target }) => ({ target: target.replace(/&sig=.*/, '') }),
    'with an empty signature': ({ target }) => ({ target: target.replace(/&sig=.*/, '&sig=') }),
    'with more behind it': ({ target }) => ({ target: `${target}&x=1` }),
    'with more in it': ({ target }) => ({ target: target.replace('?', '?x=1&') }),
    'with its path spelled otherwise': ({ target }) => ({
      target: target.replace(/^\/\w/, start => `/%${start.charCodeAt(1).toString(16)}`),
    }),
    'with the signature of another': ({ target }) => ({
      target: target.replace(
        /sig=.*/,
        /sig=.*/.exec(signed[name === 'LFS verify' ? 'LFS upload' : 'LFS verify']!.target)![0],
      ),
    }),
  }
  it.each(Object.entries(misuses))('opens nothing %s', async (_, misuse) => {
    const changed = { ...signed[name]!, ...misuse(signed[name]!) }
    expect([changed.method, changed.target]).not.toEqual([signed[name]!.method, signed[name]!.target])
    const answer = await answerTo(misuse)
    // Some paths know no other method: as good as a refusal.
    if (answer.status === 404) expect(answer.text).toContain('Nothing here answers')
    else expect(answer).toMatchObject(refused('not signed'))
  })

  it('opens nothing in another repository, or by another file', async () => {
    const moved = await answerTo(({ target }) => ({
      target: target.replace('alice/one', 'alice/two').replace(/file=\w+/, `file=${'b'.repeat(64)}`),
    }))
    expect(moved).toMatchObject(refused('not signed'))
  })

  it('ends when its time is over', async () => {
    const { lifetime } = signed[name]!
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + lifetime + 1000)
    expect(await answerTo(() => ({}))).toMatchObject(refused('has expired; ask for a new one'))
  })
})

it('a signed URL does not reach the repository that took the name of its own', async () => {
  await makeRepo('old')
  const before = await hub.hub.repos.find('model', 'alice', 'old')
  await hub.hub.blobs.ingest(before.id, [content] as never, { sha256: oid, size: content.length })
  const { download } = await lfs('alice/old', 'download', oid, content.length)
  const { upload, verify } = await lfs('alice/old', 'upload', other, 10)
  const alice = hub.as('alice')
  expect((await hub.as().get(targetOf(download.href))).status).toBe(200)
  expect((await alice.delete('/api/repos/delete', { name: 'old' })).status).toBe(200)
  await makeRepo('old')
  const after = await hub.hub.repos.find('model', 'alice', 'old')
  await hub.hub.blobs.ingest(after.id, [content] as never, { sha256: oid, size: content.length })
  expect((await hub.as().get(targetOf(download.href))).status).toBe(403)
  expect((await hub.as().put(targetOf(upload.href), Buffer.alloc(10))).status).toBe(403)
  expect((await hub.as().post(targetOf(verify.href), { oid, size: content.length })).status).toBe(403)
  expect([...(await hub.hub.blobs.describe(after.id, [other])).keys()]).toEqual([])
})

describe('CAS tokens', () => {
  const hash = 'a'.repeat(64)
  /** Each CAS route: what it needs, and the status of a request for what is not there. */
  const routes: [method: 'GET' | 'POST', path: string, scope: 'read' | 'write', body?: unknown][] = [
    ['GET', `/cas/v1/chunks/default/${hash}`, 'read'],
    ['GET', `/cas/v1/reconstructions?file_id=${hash}`, 'read'],
    ['POST', '/cas/v1/reconstructions', 'read', [hash]],
    ['GET', `/cas/v1/reconstructions/${hash}`, 'read'],
    ['GET', `/cas/v2/reconstructions/${hash}`, 'read'],
    ['POST', '/cas/v1/telemetry', 'read', {}],
    ['POST', '/v1/telemetry', 'read', {}],
    ['POST', '/cas/v1/shards', 'write', Buffer.from('x')],
    ['POST', '/cas/v2/shards', 'write', Buffer.from('x')],
    ['POST', `/cas/v1/xorb-grants/default/${hash}`, 'write', {}],
    ['POST', `/cas/v1/xorbs/default/${hash}`, 'write', Buffer.from('x')],
  ]
  const closed = [401, 403]

  it.each(routes)('%s %s', async (method, path, scope, body) => {
    const statusWith = async (token?: string) => (await hub.as(token).send(method, path, body)).status
    const read = await casToken('alice', 'alice/one', 'read')
    const write = await casToken('alice', 'alice/one', 'write')
    const [head, signature] = write.split('.')
    const claims = JSON.parse(Buffer.from(head!.slice('xet_'.length), 'base64url').toString())
    const withClaims = (changed: object) =>
      `xet_${Buffer.from(JSON.stringify({ ...claims, ...changed })).toString('base64url')}.${signature}`

    expect(closed).not.toContain(await statusWith(write))
    if (scope === 'read') expect(closed).not.toContain(await statusWith(read))
    else expect(await statusWith(read)).toBe(403)
    const bob = await hub.hub.repos.find('model', 'alice', 'two')
    for (const forged of [
      withClaims({ holder: bob.id }),
      withClaims({ repo: bob.id }),
      withClaims({ by: 'anyone' }),
      withClaims({ subject: 'somebody' }),
      withClaims({ exp: claims.exp + 3600 }),
      `${head}.${signature!.slice(1)}`,
      `${head}.`,
      `${head}.${/sig=(.*)/.exec(signed['LFS upload']!.target)![1]}`,
      'xet_',
      'alice',
    ]) {
      expect([forged, await statusWith(forged)]).toEqual([forged, 401])
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(claims.exp * 1000)
    for (const token of [read, write]) expect(await statusWith(token)).toBe(401)
  })

  it('reads nothing of another repository, even by a known hash', async () => {
    const head = await hub.as('alice').head('/alice/one/resolve/main/w.bin')
    const file = head.headers['x-xet-hash']!
    const own = await casToken('alice', 'alice/one', 'read')
    expect((await hub.as(own).get(`/cas/v2/reconstructions/${file}`)).status).toBe(200)
    await hub.as('bob').post('/api/repos/create', { name: 'theirs' })
    for (const scope of ['read', 'write']) {
      const foreign = await casToken('bob', 'bob/theirs', scope)
      for (const version of ['v1', 'v2']) {
        expect((await hub.as(foreign).get(`/cas/${version}/reconstructions/${file}`)).status).toBe(404)
      }
      const many = await hub.as(foreign).get(`/cas/v1/reconstructions?file_id=${file}`)
      expect(many.json()).toEqual({ files: {}, fetch_info: {} })
    }
  })
})

/**
 * Every kind of key, asked for by one who may write and by a reader who prepares a pull request, and what ends it on the
 * next request.
 */
describe('keys end with what gave them', () => {
  const organization = 'lab'
  let repoNumber = 0
  let userNumber = 0

  interface Stage {
    readonly repo: string
    readonly user: string
    /** Statements of another process, as the command line beside the hub would write. */
    rows(): Kysely<Record<string, Record<string, unknown>>>
  }
  type Member = 'admin' | 'write' | 'read' | undefined

  const rows = () => hub.hub.database.sql as unknown as Kysely<Record<string, Record<string, unknown>>>

  /** A user of its own, perhaps a member of the lab, before a repository of the lab with one file. */
  async function stage(member: Member, settings: object): Promise<Stage> {
    const user = `user${++userNumber}`
    const repo = `${organization}/r${++repoNumber}`
    const added = await hub.hub.accounts.addUser({
      name: user,
      token: { value: user, name: 't', role: 'write' },
    })
    const lab = (await hub.hub.accounts.findAccount(organization))!
    if (member) {
      await rows()
        .insertInto('memberships')
        .values({ user_id: added.id, organization_id: lab.id, role: member, created_at: 1 })
        .execute()
    }
    const alice = hub.as('alice')
    const name = repo.split('/')[1]
    expect((await alice.post('/api/repos/create', { name, organization, ...settings })).status).toBe(200)
    const stored = await hub.hub.repos.find('model', organization, name!)
    await hub.hub.blobs.ingest(stored.id, [content] as never, { sha256: oid, size: content.length })
    expect((await alice.commit(repo, { 'w.bin': { sha256: oid, size: content.length } })).status).toBe(200)
    return { repo, user, rows }
  }

  /** A request for each key that the user gets, by name. */
  async function keysOf({ repo, user }: Stage, isWriter: boolean) {
    const size = 10
    const wanted = sha256(randomBytes(10))
    const asked = { objects: [{ oid: wanted, size }], operation: 'upload' }
    const batch = async (body: object) => {
      const answer = await hub.as(user).post(`/${repo}.git/info/lfs/objects/batch`, body)
      expect(answer.status).toBe(200)
      return answer.json().objects[0].actions
    }
    const upload = await batch(asked)
    const large = sha256(randomBytes(10))
    const multipart = await batch({
      operation: 'upload',
      transfers: ['multipart'],
      objects: [{ oid: large, size: 2 ** 30 }],
    })
    const download = await batch({ operation: 'download', objects: [{ oid, size: content.length }] })
    const suffix = isWriter ? '' : '?create_pr=1'
    const token = async (scope: string) =>
      (await hub.as(user).get(`/api/models/${repo}/xet-${scope}-token/main${suffix}`)).json().accessToken
    const [read, write] = [await token('read'), await token('write')]
    const head = await hub.as(user).head(`/${repo}/resolve/main/w.bin`)
    const file = head.headers['x-xet-hash']!
    const found = await hub.as(read).get(`/cas/v2/reconstructions/${file}`)
    const [[entry]] = Object.values(found.json().xorbs) as [[{ url: string }]]
    return {
      'LFS upload': () => hub.as().put(targetOf(upload.upload.href), Buffer.alloc(size)),
      'LFS verify': () => hub.as().post(targetOf(upload.verify.href), { oid: wanted, size }),
      'LFS part': () => hub.as().put(targetOf(multipart.upload.header['00002']), Buffer.alloc(size)),
      'LFS complete': () => hub.as().post(targetOf(multipart.upload.href), { oid: large }),
      'LFS download': () => hub.as().get(targetOf(download.download.href)),
      'xorb download': () => hub.as().get(targetOf(entry.url)),
      'CAS read token': () => hub.as(read).get(`/cas/v2/reconstructions/${file}`),
      'CAS write token': () => hub.as(write).post('/cas/v1/shards', Buffer.from('x')),
      'CAS write token that reads': () => hub.as(write).post('/cas/v1/telemetry', {}),
    }
  }

  const ended = /link has ended with what it was given for|token has ended/
  const isEnded = async (ask: () => Promise<{ status: number; text: string }>) => {
    const { status, text } = await ask()
    return (status === 401 || status === 403) && ended.test(text)
  }
  const endedAmong = async (keys: Record<string, () => Promise<{ status: number; text: string }>>) => {
    const names: string[] = []
    for (const [name, ask] of Object.entries(keys)) if (await isEnded(ask)) names.push(name)
    return names
  }

  const settings =
    (change: object) =>
    async ({ repo }: Stage) =>
      expect((await hub.as('alice').put(`/api/models/${repo}/settings`, change)).status).toBe(200)
  const idOf = async ({ user }: Stage) => (await hub.hub.accounts.findAccount(user))!.id
  const onMembership = (change: Record<string, unknown> | undefined) => async (at: Stage) => {
    const id = await idOf(at)
    await (change
      ? at.rows().updateTable('memberships').set(change).where('user_id', '=', id)
      : at.rows().deleteFrom('memberships').where('user_id', '=', id)
    ).execute()
  }
  const revoke = async ({ user }: Stage) => {
    const [token] = await hub.hub.accounts.listTokens(user)
    await hub.hub.accounts.revokeToken(user, token!.id)
  }
  const expire = async (at: Stage) => {
    await at
      .rows()
      .updateTable('access_tokens')
      .set({ expires_at: Date.now() - 1 })
      .where('user_id', '=', await idOf(at))
      .execute()
  }
  const deleteUser = async (at: Stage) => {
    await at
      .rows()
      .updateTable('accounts')
      .set({ deleted_at: 1 })
      .where('id', '=', await idOf(at))
      .execute()
  }
  const deleteRepo = async ({ repo }: Stage) => {
    const [owner, name] = repo.split('/')
    expect((await hub.as('alice').delete('/api/repos/delete', { name, organization: owner })).status).toBe(
      200,
    )
  }
  const all = [
    'LFS upload',
    'LFS verify',
    'LFS part',
    'LFS complete',
    'LFS download',
    'xorb download',
    'CAS read token',
    'CAS write token',
    'CAS write token that reads',
  ]
  const writing = all.filter(name => !['LFS download', 'xorb download', 'CAS read token'].includes(name))

  const cases: [
    what: string,
    member: Member,
    settings: object,
    change: (at: Stage) => Promise<unknown>,
    ended: string[],
  ][] = [
    ['nothing, of a writer', 'write', { private: true }, async () => {}, []],
    ['nothing, of a proposer', undefined, {}, async () => {}, []],
    ['its token is revoked', 'write', { private: true }, revoke, all],
    ['its token expires', 'write', { private: true }, expire, all],
    ['its user is deleted', 'write', {}, deleteUser, all],
    ['its user leaves the organization', 'write', { private: true }, onMembership(undefined), all],
    [
      'its user leaves the organization of a public repository',
      'write',
      {},
      onMembership(undefined),
      writing,
    ],
    ['its user may only read', 'write', { private: true }, onMembership({ role: 'read' }), writing],
    ['the repository is deleted', 'write', { private: true }, deleteRepo, all],
    ['the token of a proposer is revoked', undefined, {}, revoke, all],
    ['a proposer is deleted', undefined, {}, deleteUser, all],
    ['the repository is hidden from a proposer', undefined, {}, settings({ private: true }), all],
    ['a gate is put before a proposer', undefined, {}, settings({ gated: 'manual' }), all],
    ['the repository of a proposal is deleted', undefined, {}, deleteRepo, all],
  ]

  beforeAll(async () => {
    await hub.hub.accounts.addOrganization({
      name: organization,
      members: [{ user: 'alice', role: 'admin' }],
    })
  })

  it.each(cases)('when %s', async (_, member, options, change, expected) => {
    const at = await stage(member, options)
    const keys = await keysOf(at, member === 'write')
    expect(await endedAmong(keys)).toEqual([])
    await change(at)
    await nextTurn()
    expect(await endedAmong(keys)).toEqual(expected)
  })

  it('what nobody in particular was given ends when the repository is hidden', async () => {
    const { repo } = await stage(undefined, {})
    const file = (await hub.as().head(`/${repo}/resolve/main/w.bin`)).headers['x-xet-hash']!
    const { accessToken } = (await hub.as().get(`/api/models/${repo}/xet-read-token/main`)).json()
    const ask = () => hub.as(accessToken).get(`/cas/v2/reconstructions/${file}`)
    const [[entry]] = Object.values((await ask()).json().xorbs) as [[{ url: string }]]
    expect(await endedAmong({ ask })).toEqual([])
    await settings({ private: true })({ repo, user: '', rows })
    expect(await endedAmong({ ask, url: () => hub.as().get(targetOf(entry.url)) })).toEqual(['ask', 'url'])
  })

  it('what a browser session was given ends when it is signed out', async () => {
    await hub.hub.accounts.addUser({ name: 'carol', password: 'carol carol carol' })
    const login = await hub.as().post('/api/login', { name: 'carol', password: 'carol carol carol' })
    const cookie = String(login.headers['set-cookie']).split(';')[0]!
    const { repo } = await stage(undefined, {})
    const file = (await hub.as().head(`/${repo}/resolve/main/w.bin`)).headers['x-xet-hash']!
    const answer = await hub.as().get(`/api/models/${repo}/xet-read-token/main`, { cookie })
    const ask = () => hub.as(answer.json().accessToken).get(`/cas/v2/reconstructions/${file}`)
    expect((await ask()).status).toBe(200)
    const carol = (await hub.hub.accounts.findAccount('carol'))!
    await rows().deleteFrom('sessions').where('user_id', '=', carol.id).execute()
    expect(await endedAmong({ ask })).toEqual(['ask'])
  })
})

async function makeRepo(name: string): Promise<void> {
  expect((await hub.as('alice').post('/api/repos/create', { name, private: true })).status).toBe(200)
}

async function lfs(repo: string, operation: string, object: string, size: number, transfers?: string[]) {
  const answer = await hub
    .as('alice')
    .post(`/${repo}.git/info/lfs/objects/batch`, { operation, transfers, objects: [{ oid: object, size }] })
  expect(answer.status).toBe(200)
  return answer.json().objects[0].actions
}

async function casToken(user: string, repo: string, scope: string): Promise<string> {
  return (await hub.as(user).get(`/api/models/${repo}/xet-${scope}-token/main`)).json().accessToken
}

function targetOf(href: string): string {
  const { pathname, search } = new URL(href)
  return pathname + search
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
