import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub

beforeAll(async () => {
  hub = await TestHub.open()
  const { accounts } = hub.hub
  for (const name of ['alice', 'bob', 'carol']) {
    await accounts.addUser({
      name,
      fullname: `${name} of the hill`,
      token: { value: name, name: 't', role: 'write' },
    })
  }
  await accounts.addOrganization({
    name: 'lab',
    fullname: 'The Lab',
    members: [
      { user: 'bob', role: 'read' },
      { user: 'alice', role: 'admin' },
    ],
  })
  for (const [name, organization, isPrivate] of [
    ['open', 'alice', false],
    ['secret', 'alice', true],
    ['plans', 'lab', true],
  ]) {
    await hub.as('alice').post('/api/repos/create', { name, organization, private: isPrivate })
  }
  await hub.as('alice').post('/api/repos/create', { name: 'data', type: 'dataset' })
})
afterAll(() => hub.close())

const as = (who?: string) => hub.as(who)
const names = (answer: { json(): { user: string }[] }) => answer.json().map(one => one.user)
const likes = async (who: string, asker?: string) =>
  (await as(asker).get(`/api/users/${who}/likes`))
    .json()
    .map((like: { repo: { name: string; type: string } }) => `${like.repo.type} ${like.repo.name}`)
const next = (answer: { headers: Record<string, string> }) =>
  /<http:\/\/hub\.test([^>]+)>; rel="next"/.exec(answer.headers.link ?? '')?.[1]

/** A job brings the lists up to date with a commit. */
const untilListed = (repo: string, commitId: string) =>
  vi.waitFor(
    async () => {
      const listed = (await as('alice').get(`/api/models?author=${repo.split('/')[0]}`)).json()
      const shas = listed.map((one: { id: string; sha: string }) => `${one.id} ${one.sha}`)
      expect(shas).toContain(`${repo} ${commitId}`)
    },
    { timeout: 10_000 },
  )

describe('likes', () => {
  const count = async () => (await as().get('/api/models/alice/open')).json().likes

  it('are counted once a person, in info and lists, and told of both sides', async () => {
    for (const who of ['alice', 'bob', 'bob', 'carol']) {
      expect((await as(who).post('/api/models/alice/open/like')).status).toBe(200)
    }
    expect(await count()).toBe(3)
    expect((await as().get('/api/models?author=alice')).json()[0].likes).toBe(3)
    const [liker] = (await as().get('/api/models/alice/open/likers')).json()
    expect(liker).toMatchObject({ type: 'user', avatarUrl: expect.stringMatching(/^data:image/) })
    expect(names(await as().get('/api/models/alice/open/likers')).sort()).toEqual(['alice', 'bob', 'carol'])
    await as('bob').post('/api/datasets/alice/data/like')
    expect((await likes('bob')).sort()).toEqual(['dataset alice/data', 'model alice/open'])
    expect((await as('carol').delete('/api/models/alice/open/like')).status).toBe(204)
    expect((await as('carol').delete('/api/models/alice/open/like')).status).toBe(204)
    expect(await count()).toBe(2)
  })

  it('are listed a page at a time', async () => {
    const first = await as().get('/api/models/alice/open/likers?limit=1')
    const second = await as().get(String(next(first)))
    expect([...names(first), ...names(second)].sort()).toEqual(['alice', 'bob'])
    expect(next(second)).toBeUndefined()
  })

  it('of what has become private are in no list, and of what is deleted gone', async () => {
    await as('alice').put('/api/models/alice/open/settings', { private: true })
    expect(await likes('bob')).toEqual(['dataset alice/data'])
    expect((await as().get('/api/users/bob/overview')).json().numLikes).toBe(1)
    await as('alice').put('/api/models/alice/open/settings', { private: false })
    expect((await as().get('/api/users/bob/overview')).json().numLikes).toBe(2)
    await as('alice').delete('/api/repos/delete', { name: 'data', type: 'dataset' })
    expect(await likes('bob')).toEqual(['model alice/open'])
    await as('alice').post('/api/models/alice/secret/like')
    expect(await likes('alice', 'alice')).toEqual(['model alice/open'])
  })
})

describe('followers', () => {
  it('are of users and organisations, and told of both sides', async () => {
    expect((await as('bob').post('/api/users/alice/follow')).status).toBe(200)
    await as('bob').post('/api/users/alice/follow')
    await as('bob').post('/api/organizations/lab/follow')
    await as('carol').post('/api/users/alice/follow')
    expect(names(await as().get('/api/users/alice/followers')).sort()).toEqual(['bob', 'carol'])
    expect(names(await as().get('/api/organizations/lab/followers'))).toEqual(['bob'])
    expect(names(await as().get('/api/users/bob/following')).sort()).toEqual(['alice', 'lab'])
    expect((await as('bob').get('/api/users/alice/overview')).json()).toMatchObject({
      numFollowers: 2,
      isFollowing: true,
    })
    expect((await as('alice').get('/api/organizations/lab/overview')).json().isFollowing).toBe(false)
    expect((await as('carol').delete('/api/users/alice/follow')).status).toBe(204)
    expect(names(await as().get('/api/users/alice/followers'))).toEqual(['bob'])
  })

  it('are not of oneself, nor of who is not there or something else', async () => {
    expect((await as('bob').post('/api/users/bob/follow')).status).toBe(400)
    expect((await as('bob').post('/api/users/nobody/follow')).status).toBe(404)
    expect((await as('bob').post('/api/users/lab/follow')).status).toBe(404)
    expect((await as('bob').post('/api/organizations/alice/follow')).status).toBe(404)
  })
})

describe('an overview', () => {
  it('of a user counts what the asker may see', async () => {
    expect((await as().get('/api/users/Alice/overview')).json()).toEqual({
      _id: expect.any(String),
      user: 'alice',
      type: 'user',
      isPro: false,
      fullname: 'alice of the hill',
      avatarUrl: expect.any(String),
      numModels: 1,
      numDatasets: 0,
      numSpaces: 0,
      numFollowers: 1,
      numLikes: 1,
      numFollowing: 0,
      orgs: [{ id: expect.any(String), name: 'lab', fullname: 'The Lab', avatarUrl: expect.any(String) }],
    })
    expect((await as('alice').get('/api/users/alice/overview')).json().numModels).toBe(2)
    expect((await as('bob').get('/api/users/alice/overview')).json().numModels).toBe(1)
  })

  it('of an organisation counts members, and repositories that the asker may see', async () => {
    const of = async (who?: string) => {
      const { numUsers, numModels } = (await as(who).get('/api/organizations/lab/overview')).json()
      return [numUsers, numModels]
    }
    expect([await of(), await of('carol'), await of('bob')]).toEqual([
      [2, 0],
      [2, 0],
      [2, 1],
    ])
    expect((await as().get('/api/organizations/alice/overview')).status).toBe(404)
    expect((await as().get('/api/users/lab/overview')).status).toBe(404)
  })

  it('has the members, in order of their names', async () => {
    const first = await as().get('/api/organizations/lab/members?limit=1')
    const second = await as().get(String(next(first)))
    expect([names(first), names(second), next(second)]).toEqual([['alice'], ['bob'], undefined])
  })
})

describe('storage', () => {
  const put = async (repo: string, path: string, bytes: Buffer) => {
    const [namespace, name] = repo.split('/') as [string, string]
    const { id } = await hub.hub.repos.find('model', namespace, name)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const source = (async function* () {
      yield bytes
    })()
    await hub.hub.blobs.ingest(id, source, { sha256, size: bytes.length })
    const made = await as('alice').commit(repo, { [path]: { sha256, size: bytes.length } })
    await untilListed(repo, made.json().commitOid)
  }
  type Line = { id: string; storage: number; storagePercent: number; visibility: string; type: string }
  const of = async (path: string, who: string) => {
    const answer = await as(who).get(path)
    return { ...answer, lines: answer.json() as Line[] }
  }

  it('is the packs, and each content once, whoever else has it', async () => {
    const path = '/api/settings/repositories'
    for (const name of ['open', 'secret']) {
      const { sha } = (await as('alice').get(`/api/models/alice/${name}`)).json()
      await untilListed(`alice/${name}`, sha)
    }
    const before = new Map((await of(path, 'alice')).lines.map(line => [line.id, line.storage]))
    const bytes = Buffer.alloc(1_000_000, 7)
    await put('alice/open', 'a.bin', bytes)
    await put('alice/open', 'b.bin', bytes)
    await put('alice/secret', 'c.bin', bytes)
    const { lines } = await of(path, 'alice')
    expect(lines.map(line => [line.id, line.type, line.visibility])).toEqual(
      expect.arrayContaining([
        ['alice/open', 'model', 'public'],
        ['alice/secret', 'model', 'private'],
      ]),
    )
    expect(lines).toHaveLength(2)
    for (const line of lines) {
      const grown = line.storage - (before.get(line.id) ?? 0)
      expect(grown).toBeGreaterThan(1_000_000)
      expect(grown).toBeLessThan(1_010_000)
    }
    expect(lines.reduce((sum, line) => sum + line.storagePercent, 0)).toBeCloseTo(100)
  })

  it('has the same share of the whole on every page', async () => {
    const all = (await of('/api/settings/repositories', 'alice')).lines
    const first = await of('/api/settings/repositories?limit=1', 'alice')
    const second = await of(String(next(first)), 'alice')
    expect([...first.lines, ...second.lines]).toEqual(all)
    expect(next(second)).toBeUndefined()
  })

  it('of an organisation is for its members', async () => {
    const path = '/api/organizations/lab/settings/repositories'
    expect((await of(path, 'bob')).lines.map(line => line.id)).toEqual(['lab/plans'])
    expect((await as('carol').get(path)).status).toBe(403)
    expect((await as().get(path)).status).toBe(401)
    expect((await as('bob').get('/api/organizations/alice/settings/repositories')).status).toBe(404)
  })
})

describe('tags by type', () => {
  it('are those of public repositories, by what they name', async () => {
    const card = '---\nlicense: mit\nlanguage: [nl]\npipeline_tag: text-generation\ntags: [tulips]\n---\n'
    for (const [repo, readme] of [
      ['alice/open', card],
      ['alice/secret', '---\ntags: [hush]\n---\n'],
    ] as const) {
      const made = await as('alice').commit(repo, { 'README.md': readme })
      await untilListed(repo, made.json().commitOid)
    }
    const answer = await as().get('/api/models-tags-by-type')
    expect(answer.json()).toMatchObject({
      license: [{ id: 'license:mit', label: 'mit', type: 'license' }],
      language: [{ id: 'nl', label: 'Dutch', type: 'language' }],
      pipeline_tag: [{ id: 'text-generation', label: 'text-generation', type: 'pipeline_tag' }],
      other: [{ id: 'tulips', label: 'tulips', type: 'other' }],
    })
    expect(answer.text).not.toContain('hush')
    expect((await as().get('/api/datasets-tags-by-type')).json()).toEqual({})
  })
})
