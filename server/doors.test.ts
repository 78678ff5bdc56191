import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeRoutes } from './commands/routes.ts'
import type { AccountTables } from './domains/accounts/tables.ts'
import { TestHub } from './hub-for-test.suite.ts'
import { repoTypes } from './kernel/repository.ts'

/**
 * Who comes through which door: every route × every kind of actor × every visibility. What each grant lets through is
 * written out below, and each route has a request that is otherwise in order; a route without one fails.
 */

type Who = keyof typeof credentials
type Where = 'public' | 'private' | 'org-private' | 'gated'

const credentials = {
  anonymous: undefined,
  stranger: 'Bearer stranger',
  'read token of the owner': 'Bearer (minted below)',
  'write token of the owner': 'Bearer owner-writes',
  'fine-grained token for another repository': 'Bearer (minted below)',
  'reader in the organisation': 'Bearer org-reader',
  'owner by password': `Basic ${Buffer.from('owner:correct horse').toString('base64')}`,
  'browser of the owner': 'Session (begun below)',
  'token as password': `Basic ${Buffer.from('x:owner-writes').toString('base64')}`,
  administrator: 'Bearer operator',
  'expired token': 'Bearer expired',
  'revoked token': 'Bearer revoked',
  'token of a deleted user': 'Bearer deleted',
} satisfies Record<string, string | undefined>

const dead: readonly Who[] = ['expired token', 'revoked token', 'token of a deleted user']

/** `through`, or the status of the refusal. */
type Expected = 'through' | 401 | 403 | 404

const all = (expected: Expected): Record<Who, Expected> =>
  Object.fromEntries(
    Object.keys(credentials).map(who => [who, dead.includes(who as Who) ? 401 : expected]),
  ) as never

const publicRead = all('through')
const publicWrite: Record<Who, Expected> = {
  ...all('through'),
  anonymous: 401,
  stranger: 403,
  'read token of the owner': 403,
  'fine-grained token for another repository': 403,
  'reader in the organisation': 403,
}
const publicDiscuss: Record<Who, Expected> = {
  ...publicWrite,
  stranger: 'through',
  'reader in the organisation': 'through',
}
const privateRead: Record<Who, Expected> = {
  ...all('through'),
  anonymous: 401,
  stranger: 404,
  'fine-grained token for another repository': 404,
  'reader in the organisation': 404,
}
const privateWrite: Record<Who, Expected> = { ...privateRead, 'read token of the owner': 403 }

/** What a user does in the own name: every one may who is signed in, by a credential that may write. */
const ownWrite: Record<Who, Expected> = {
  ...all('through'),
  anonymous: 401,
  'read token of the owner': 403,
  'fine-grained token for another repository': 403,
}
const privateEngage: Record<Who, Expected> = { ...privateRead, 'read token of the owner': 403 }
/** Of an organisation; nobody has been let in. */
const gatedRead: Record<Who, Expected> = {
  ...all('through'),
  anonymous: 401,
  stranger: 403,
  'fine-grained token for another repository': 403,
  'reader in the organisation': 403,
}

const gatedContribute: Record<Who, Expected> = { ...gatedRead, 'read token of the owner': 403 }

type RepoGrant =
  | 'repo:view'
  | 'repo:engage'
  | 'repo:read'
  | 'repo:discuss'
  | 'repo:contribute'
  | 'repo:write'
  | 'repo:settings'

const onRepos: Record<Where, Record<RepoGrant, Record<Who, Expected>>> = {
  public: {
    'repo:view': publicRead,
    'repo:engage': ownWrite,
    'repo:read': publicRead,
    'repo:discuss': publicDiscuss,
    'repo:contribute': publicDiscuss,
    'repo:write': publicWrite,
    'repo:settings': publicWrite,
  },
  gated: {
    'repo:view': publicRead,
    'repo:engage': ownWrite,
    'repo:read': gatedRead,
    'repo:discuss': publicDiscuss,
    'repo:contribute': gatedContribute,
    'repo:write': publicWrite,
    'repo:settings': publicWrite,
  },
  private: {
    'repo:view': privateRead,
    'repo:engage': privateEngage,
    'repo:read': privateRead,
    'repo:discuss': privateWrite,
    'repo:contribute': privateWrite,
    'repo:write': privateWrite,
    'repo:settings': privateWrite,
  },
  'org-private': {
    'repo:view': { ...privateRead, 'reader in the organisation': 'through' },
    'repo:engage': { ...privateEngage, 'reader in the organisation': 'through' },
    'repo:read': { ...privateRead, 'reader in the organisation': 'through' },
    'repo:discuss': { ...privateWrite, 'reader in the organisation': 'through' },
    'repo:contribute': { ...privateWrite, 'reader in the organisation': 'through' },
    'repo:write': { ...privateWrite, 'reader in the organisation': 403 },
    'repo:settings': { ...privateWrite, 'reader in the organisation': 403 },
  },
}
const wholeUser: Record<Who, Expected> = {
  ...all('through'),
  anonymous: 401,
  'read token of the owner': 403,
  'fine-grained token for another repository': 403,
}
const byPassword: Record<Who, Expected> = {
  ...wholeUser,
  stranger: 403,
  'write token of the owner': 403,
  'reader in the organisation': 403,
  'token as password': 403,
  administrator: 403,
}
const onHub: Record<string, Record<Who, Expected>> = {
  anyone: all('through'),
  'signed-in': { ...all('through'), anonymous: 401 },
  'own:read': { ...ownWrite, 'read token of the owner': 'through' },
  'own:write': ownWrite,
  'own:manage': wholeUser,
  'own:secure': byPassword,
}

const sha256 = createHash('sha256').update('x').digest('hex')
const hash = 'a'.repeat(64)
const commit = '{"key":"header","value":{"summary":"s"}}'
/** One that is not there: what those who may do with others is in `domains/community`. */
const aCollection = `/api/collections/owner/t-${'a'.repeat(24)}`
const json = { 'content-type': 'application/json' }

interface Sample {
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** In place of the route's path; `*` and parameters are filled in. */
  readonly path?: string
}

/** One request for each line of `banyan routes`, in order but for who sends it. */
const samples: Record<string, Sample> = {
  'GET /': {},
  'HEAD /': {},
  'GET /api/collections': {},
  'POST /api/collections': { body: { title: 't', namespace: 'never-there' } },
  'GET /api/collections/:namespace/:slug': { path: aCollection },
  'PATCH /api/collections/:namespace/:slug': { path: aCollection, body: {} },
  'DELETE /api/collections/:namespace/:slug': { path: aCollection },
  'POST /api/collections/:namespace/:slug/items': {
    path: `${aCollection}/items`,
    body: { item: { type: 'model', id: 'owner/public' } },
  },
  'PATCH /api/collections/:namespace/:slug/items/:item': { path: `${aCollection}/items/i`, body: {} },
  'DELETE /api/collections/:namespace/:slug/items/:item': { path: `${aCollection}/items/i` },
  'GET /api/datasets': {},
  'GET /api/datasets-tags-by-type': {},
  'GET /api/models-tags-by-type': {},
  'GET /api/organizations/:account/followers': { path: '/api/organizations/lab/followers' },
  'GET /api/organizations/:account/members': { path: '/api/organizations/lab/members' },
  'GET /api/organizations/:account/overview': { path: '/api/organizations/lab/overview' },
  'GET /api/organizations/:account/settings/repositories': {
    path: '/api/organizations/never-there/settings/repositories',
  },
  'POST /api/organizations/:account/follow': { path: '/api/organizations/lab/follow' },
  'DELETE /api/organizations/:account/follow': { path: '/api/organizations/lab/follow' },
  'GET /api/settings/repositories': {},
  'GET /api/users/:account/followers': { path: '/api/users/owner/followers' },
  'GET /api/users/:account/following': { path: '/api/users/owner/following' },
  'GET /api/users/:account/likes': { path: '/api/users/owner/likes' },
  'GET /api/users/:account/overview': { path: '/api/users/owner/overview' },
  'POST /api/users/:account/follow': { path: '/api/users/owner/follow' },
  'DELETE /api/users/:account/follow': { path: '/api/users/owner/follow' },
  'GET /api/kernels': {},
  'GET /api/families': {},
  // There is none: those that there are, are in `domains/lineage`.
  'GET /api/families/:family': { path: '/api/families/aaaaaaaaaa' },
  'GET /api/lineage/export': {},
  'POST /api/lineage/identify': { body: Buffer.from('no sketch') },
  'GET /api/models': {},
  'GET /api/spaces': {},
  'POST /api/validate-yaml': { body: { content: '# hi' } },
  'POST /api/repos/move': { body: { fromRepo: 'owner/never-there', toRepo: 'owner/x' }, headers: json },
  'POST /api/repos/create': { body: { name: '.', organization: null }, headers: json },
  'DELETE /api/repos/delete': { body: { name: 'never-there' }, headers: json },
  'GET /api/whoami-v2': {},
  'POST /uploads': { body: Buffer.from('GIF89a') },
  'GET /uploads/:name': { path: '/uploads/a.png' },
  'HEAD /uploads/:name': { path: '/uploads/a.png' },
  'POST /api/login': { body: { name: 'owner', password: 'correct horse' } },
  'POST /api/logout': {},
  'POST /api/signup': { body: { name: '.', password: 'correct horse' } },
  'POST /api/settings/password': { body: {} },
  'GET /api/settings/sessions': {},
  'DELETE /api/settings/sessions/:id': { path: '/api/settings/sessions/absent' },
  'GET /api/settings/tokens': {},
  'POST /api/settings/tokens': { body: {} },
  'PATCH /api/settings/tokens/:id': { path: '/api/settings/tokens/absent', body: { displayName: 'x' } },
  'DELETE /api/settings/tokens/:id': { path: '/api/settings/tokens/absent' },
  'GET /api/settings/webhooks': {},
  'POST /api/settings/webhooks': { body: {} },
  'GET /api/settings/webhooks/:id': { path: '/api/settings/webhooks/absent' },
  'POST /api/settings/webhooks/:id': { path: '/api/settings/webhooks/absent', body: {} },
  'POST /api/settings/webhooks/:id/enable': { path: '/api/settings/webhooks/absent/enable' },
  'POST /api/settings/webhooks/:id/disable': { path: '/api/settings/webhooks/absent/disable' },
  'DELETE /api/settings/webhooks/:id': { path: '/api/settings/webhooks/absent' },
  'GET /api/settings/webhooks/:id/deliveries': { path: '/api/settings/webhooks/absent/deliveries' },
  'GET /api/settings/webhooks/:id/deliveries/:delivery': {
    path: '/api/settings/webhooks/absent/deliveries/absent',
  },
  'POST /api/settings/webhooks/:id/deliveries/:delivery/redeliver': {
    path: '/api/settings/webhooks/absent/deliveries/absent/redeliver',
  },
  'POST /oauth/device': { body: {} },
  'POST /oauth/token': { body: {} },
  'GET /oauth/device': {},
  'POST /oauth/device/login': { body: {} },
  'POST /oauth/device/answer': { body: {} },
  'GET /.well-known/openid-configuration': {},
  'GET /.well-known/oauth-authorization-server': {},
  'POST /oauth/register': { body: {} },
  'GET /oauth/authorize': {},
  'POST /oauth/authorize': {},
  'POST /oauth/authorize/login': { body: {} },
  'GET /oauth/userinfo': {},
  'POST /oauth/userinfo': {},
  'GET /healthz': {},
  'HEAD /healthz': {},
  'GET /readyz': {},
  'HEAD /readyz': {},
  'GET /api/openapi.json': {},
  'GET /metrics': {},
  'GET {api}': {},
  'GET {api}/runtime': {},
  'GET {api}/safetensors-metadata/*': { path: '{api}/safetensors-metadata/absent.json' },
  'GET {api}/auth-check': {},
  'GET {api}/auth-check/write': {},
  'POST {api}/branch/*': { path: '{api}/branch/b', body: {} },
  'DELETE {api}/branch/*': { path: '{api}/branch/absent' },
  'POST {api}/commit/*': { path: '{api}/commit/main?create_pr=1', body: commit },
  'GET {api}/discussions': {},
  'POST {api}/discussions': { body: { title: 'A title', description: 'words' } },
  'GET {api}/discussions/:num': { path: '{api}/discussions/999999' },
  'POST {api}/discussions/:num/comment': { path: '{api}/discussions/999999/comment', body: { comment: 'c' } },
  'POST {api}/discussions/:num/comment/:event/edit': {
    path: '{api}/discussions/999999/comment/e/edit',
    body: { content: 'c' },
  },
  'POST {api}/discussions/:num/comment/:event/hide': { path: '{api}/discussions/999999/comment/e/hide' },
  'POST {api}/discussions/:num/merge': { path: '{api}/discussions/999999/merge' },
  'POST {api}/discussions/:num/status': {
    path: '{api}/discussions/999999/status',
    body: { status: 'closed' },
  },
  'POST {api}/discussions/:num/title': {
    path: '{api}/discussions/999999/title',
    body: { title: 'A title' },
  },
  'GET {api}/commits/*': { path: '{api}/commits/main' },
  'POST {api}/paths-info/*': { path: '{api}/paths-info/main', body: { paths: ['x'] } },
  'POST {api}/preupload/*': { path: '{api}/preupload/main?create_pr=1', body: { files: [] } },
  'POST {api}/duplicate': { body: { repository: 'not a name' } },
  'GET {api}/lfs-files': {},
  'GET {api}/lineage': {},
  'POST {api}/lfs-files/batch': { body: { deletions: { sha: [], rewriteHistory: false } } },
  'POST {api}/lfs-files/duplicate': { body: { target: { type: 'model', name: 'not a name' }, files: [] } },
  'GET {api}/refs': {},
  'GET {api}/revision/*': { path: '{api}/revision/main' },
  'PUT {api}/settings': { body: {} },
  'POST {api}/super-squash/*': { path: '{api}/super-squash/absent', body: { message: 'm' } },
  'POST {api}/tag/*': { path: '{api}/tag/main', body: { tag: 't' } },
  'DELETE {api}/tag/*': { path: '{api}/tag/absent' },
  'GET {api}/tree/*': { path: '{api}/tree/main' },
  'GET {api}/weights/*': { path: '{api}/weights/main' },
  'DELETE {api}/like': {},
  'GET {api}/likers': {},
  'POST {api}/like': {},
  'GET {api}/user-access-request/accepted': {},
  'GET {api}/user-access-request/pending': {},
  'GET {api}/user-access-request/rejected': {},
  'GET {api}/user-access-request/report': {},
  'POST {api}/user-access-request/grant': { body: { user: 'never-there' } },
  'POST {api}/user-access-request/handle': { body: { user: 'never-there', status: 'accepted' } },
  'GET {web}/ask-access': {},
  'POST {web}/ask-access': { body: {} },
  'DELETE {web}/ask-access': {},
  'GET {api}/xet-read-token/*': { path: '{api}/xet-read-token/main' },
  'GET {api}/xet-write-token/*': { path: '{api}/xet-write-token/None?create_pr=1' },
  'POST {web}/git-receive-pack': {
    body: '0000',
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
  },
  'POST {web}/git-upload-pack': {
    body: '0000',
    headers: { 'content-type': 'application/x-git-upload-pack-request' },
  },
  'GET {web}/info/refs': { path: '{web}/info/refs?service=git-upload-pack' },
  'POST {web}/info/lfs/objects/batch': {
    body: { operation: 'download', objects: [{ oid: sha256, size: 1 }] },
  },
  'GET {web}/info/lfs/locks': {},
  'GET {web}/info/lfs/locks/*': { path: '{web}/info/lfs/locks/x' },
  'POST {web}/info/lfs/locks': { body: { path: 'a' } },
  'POST {web}/info/lfs/locks/*': { path: '{web}/info/lfs/locks/verify', body: {} },
  'GET {web}/raw/*': { path: '{web}/raw/main/.gitattributes' },
  'HEAD {web}/raw/*': { path: '{web}/raw/main/.gitattributes' },
  'GET {web}/resolve/*': { path: '{web}/resolve/main/.gitattributes' },
  'HEAD {web}/resolve/*': { path: '{web}/resolve/main/.gitattributes' },
}

/** One route serves more than one grant: what the request asks for decides. */
const otherGrants: readonly [grant: 'repo:contribute' | 'repo:write', route: string, sample: Sample][] = [
  ['repo:contribute', 'GET {web}/info/refs', { path: '{web}/info/refs?service=git-receive-pack' }],
  [
    'repo:contribute',
    'POST {web}/info/lfs/objects/batch',
    { body: { operation: 'upload', objects: [{ oid: sha256, size: 1 }] } },
  ],
  ['repo:write', 'POST {api}/commit/*', { path: '{api}/commit/main', body: commit }],
  ['repo:write', 'POST {api}/preupload/*', { path: '{api}/preupload/main', body: { files: [] } }],
  ['repo:write', 'GET {api}/xet-write-token/*', { path: '{api}/xet-write-token/main' }],
]

/** These ask for a key of their own, which no account's credential is. */
const ownKeys: Record<string, Sample> = {
  'GET /cas/v1/chunks/:prefix/:chunk': { path: `/cas/v1/chunks/default/${hash}` },
  'GET /cas/v1/reconstructions': { path: `/cas/v1/reconstructions?file_id=${hash}` },
  'POST /cas/v1/reconstructions': { body: { file_ids: [hash] } },
  'GET /cas/v1/reconstructions/:file': { path: `/cas/v1/reconstructions/${hash}` },
  'GET /cas/v2/reconstructions/:file': { path: `/cas/v2/reconstructions/${hash}` },
  'POST /cas/v1/shards': { body: 'x' },
  'POST /cas/v2/shards': { body: 'x' },
  'POST /cas/v1/telemetry': { body: {} },
  'POST /v1/telemetry': { body: {} },
  'POST /cas/v1/xorb-grants/:prefix/:xorb': { path: `/cas/v1/xorb-grants/default/${hash}`, body: {} },
  'POST /cas/v1/xorbs/:prefix/:xorb': { path: `/cas/v1/xorbs/default/${hash}`, body: 'x' },
  'GET /cas/v1/data/:xorb': { path: `/cas/v1/data/${hash}` },
  'GET {web}/info/lfs/objects/:oid': { path: `{web}/info/lfs/objects/${sha256}` },
  'HEAD {web}/info/lfs/objects/:oid': { path: `{web}/info/lfs/objects/${sha256}` },
  'PUT {web}/info/lfs/objects/:oid/:size': { path: `{web}/info/lfs/objects/${sha256}/1`, body: 'x' },
  'POST {web}/info/lfs/objects/:oid/verify': {
    path: `{web}/info/lfs/objects/${sha256}/verify`,
    body: { oid: sha256, size: 1 },
  },
  'POST {web}/info/lfs/uploads/:upload': { path: '{web}/info/lfs/uploads/u', body: { oid: sha256 } },
  'PUT {web}/info/lfs/uploads/:upload/:part': { path: '{web}/info/lfs/uploads/u/1', body: 'x' },
}

let hub: TestHub
let grants: Map<string, string>

beforeAll(async () => {
  hub = await TestHub.open({ signUp: 'open' })
  const { accounts, repos, database } = hub.hub
  const withToken = (name: string, value: string) =>
    accounts.addUser({ name, token: { value, name: 'test', role: 'write' } })
  await accounts.addUser({
    name: 'owner',
    password: 'correct horse',
    token: { value: 'owner-writes', name: 'w', role: 'write' },
  })
  const reading = await accounts.addToken('owner', { name: 'r', role: 'read' })
  credentials['read token of the owner'] = `Bearer ${reading.token}`
  await withToken('stranger', 'stranger')
  await withToken('member', 'org-reader')
  await accounts.addUser({
    name: 'operator',
    isAdmin: true,
    token: { value: 'operator', name: 'a', role: 'write' },
  })
  for (const name of ['expired', 'revoked', 'deleted']) await withToken(name, name)
  await accounts.addOrganization({
    name: 'lab',
    members: [
      { user: 'owner', role: 'admin' },
      { user: 'member', role: 'read' },
    ],
  })
  const owner = hub.as('owner-writes')
  for (const type of repoTypes) {
    for (const [organization, name, isPrivate] of [
      ['owner', 'public', false],
      ['owner', 'private', true],
      ['lab', 'org-private', true],
      ['lab', 'gated', false],
      ['owner', 'elsewhere', true],
    ]) {
      const made = await owner.post('/api/repos/create', { name, organization, type, private: isPrivate })
      expect(made.status).toBe(200)
    }
    const gated = await owner.put(`/api/${type}s/lab/gated/settings`, { gated: 'manual' })
    expect(gated.json()).toEqual({ private: false, gated: 'manual' })
  }
  const { id } = await repos.find('model', 'owner', 'elsewhere')
  const elsewhere = await accounts.addToken('owner', {
    name: 'e',
    role: 'fine-grained',
    scopes: [{ target: { kind: 'repository', id }, access: 'write' }],
  })
  credentials['fine-grained token for another repository'] = `Bearer ${elsewhere.token}`
  const sql = database.sql.withTables<AccountTables>()
  const tokenOf = async (name: string) =>
    (await sql.selectFrom('accounts').select('id').where('name', '=', name).executeTakeFirstOrThrow()).id
  await sql
    .updateTable('access_tokens')
    .set({ expires_at: 1 })
    .where('user_id', '=', await tokenOf('expired'))
    .execute()
  await sql
    .updateTable('access_tokens')
    .set({ revoked_at: 1 })
    .where('user_id', '=', await tokenOf('revoked'))
    .execute()
  await sql.updateTable('accounts').set({ deleted_at: 1 }).where('name', '=', 'deleted').execute()

  grants = new Map(
    describeRoutes(hub.hub.routes).map(line => {
      const [method, grant, path] = line.split(/\s+/)
      return [`${method} ${path}`, String(grant)]
    }),
  )
})
afterAll(() => hub.close())
beforeEach(async () => {
  const login = await hub.as().post('/api/login', { name: 'owner', password: 'correct horse' })
  credentials['browser of the owner'] = `Session ${login.headers['set-cookie']?.split(';')[0]}`
})

const repoOf: Record<Where, string> = {
  public: 'owner/public',
  private: 'owner/private',
  'org-private': 'lab/org-private',
  gated: 'lab/gated',
}

async function outcome(
  route: string,
  sample: Sample,
  who: Who,
  repo: string,
  type = 'model',
): Promise<Expected> {
  const [method, path] = route.split(' ') as ['GET', string]
  const url = (sample.path ?? path)
    .replace('{api}', `/api/${type}s/${repo}`)
    .replace('{web}', type === 'model' ? `/${repo}` : `/${type}s/${repo}`)
  const authorization = credentials[who]
  const answer = await hub.as().send(method, url, sample.body, {
    ...sample.headers,
    ...(authorization?.startsWith('Session ')
      ? { cookie: authorization.slice('Session '.length), 'sec-fetch-site': 'same-origin' }
      : authorization && { authorization }),
  })
  const refused =
    answer.status === 401 || answer.status === 403 || answer.headers['x-error-code'] === 'RepoNotFound'
  if (answer.status >= 500 && answer.status !== 501)
    throw new Error(`${route}: ${answer.status} ${answer.text}`)
  return refused ? (answer.status as Expected) : 'through'
}

it('knows every route, and its grant', () => {
  const known = [...Object.keys(samples), ...Object.keys(ownKeys)]
  expect(known.sort()).toEqual([...grants.keys()].sort())
})

describe('routes about a repository', () => {
  for (const where of ['public', 'private', 'org-private', 'gated'] as const) {
    for (const [route, sample] of Object.entries(samples)) {
      if (!route.includes('{')) continue
      it(`${route} of a ${where} repository`, async () => {
        const grant = grants.get(route) as RepoGrant
        for (const type of repoTypes) {
          const found: Record<string, Expected> = {}
          for (const who of Object.keys(credentials) as Who[]) {
            found[who] = await outcome(route, sample, who, repoOf[where], type)
          }
          expect(found).toEqual(onRepos[where][grant])
        }
      })
    }
    for (const [grant, route, sample] of otherGrants) {
      it(`${route} that needs ${grant}, of a ${where} repository`, async () => {
        for (const who of Object.keys(credentials) as Who[]) {
          expect([who, await outcome(route, sample, who, repoOf[where])]).toEqual([
            who,
            onRepos[where][grant][who],
          ])
        }
      })
    }
  }
})

describe('routes about the hub', () => {
  for (const [route, sample] of Object.entries(samples)) {
    if (route.includes('{')) continue
    it(route, async () => {
      const expected = onHub[String(grants.get(route))]!
      for (const who of Object.keys(credentials) as Who[]) {
        const found = await outcome(route, sample, who, '')
        // A repository that is not there is refused like a hidden one: it was looked for, so the door was open.
        const looksForOne = ['DELETE /api/repos/delete', 'POST /api/repos/move'].includes(route)
        const isOpen = looksForOne && found === 404
        expect([who, isOpen ? 'through' : found]).toEqual([who, expected[who]])
      }
    })
  }
})

describe('routes with a key of their own', () => {
  for (const [route, sample] of Object.entries(ownKeys)) {
    it(`${route} lets no account in, and tells nothing of repositories`, async () => {
      const refusal = grants.get(route) === 'signed-url' ? 403 : 401
      for (const who of Object.keys(credentials) as Who[]) {
        for (const repo of [...Object.values(repoOf), 'owner/never-there']) {
          expect([who, repo, await outcome(route, sample, who, repo)]).toEqual([who, repo, refusal])
        }
      }
    })
  }
})
