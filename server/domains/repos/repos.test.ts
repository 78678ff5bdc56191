import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub
let alice: ReturnType<TestHub['as']>
let bob: ReturnType<TestHub['as']>
let nobody: ReturnType<TestHub['as']>
let number = 0

beforeAll(async () => {
  hub = await TestHub.open()
  const { accounts } = hub.hub
  for (const name of ['alice', 'bob']) {
    await accounts.addUser({ name, token: { value: `hf_${name}`, name: 'test', role: 'write' } })
  }
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  nobody = hub.as()
})
afterAll(() => hub.close())

async function newRepo(options: { private?: boolean } = {}): Promise<string> {
  const name = `r${++number}`
  const created = await alice.post('/api/repos/create', { name, organization: null, ...options })
  expect(created.status).toBe(200)
  return `alice/${name}`
}

const headOf = async (repo: string) => (await alice.get(`/api/models/${repo}`)).json().sha as string

describe('creating and deleting', () => {
  it('begins with one commit that holds .gitattributes', async () => {
    const repo = await newRepo()
    const tree = (await nobody.get(`/api/models/${repo}/tree/main`)).json()
    expect(tree.map((entry: { path: string }) => entry.path)).toEqual(['.gitattributes'])
    const commits = await nobody.get(`/api/models/${repo}/commits/main`)
    expect(commits.json()).toMatchObject([
      { title: 'initial commit', message: '', authors: [{ user: 'alice' }] },
    ])
  })

  it('answers 409 with the url of what exists, in any spelling of its case', async () => {
    const repo = await newRepo()
    const again = await alice.post('/api/repos/create', { name: repo.slice(6).toUpperCase() })
    expect(again.status).toBe(409)
    expect(again.json()).toMatchObject({ url: `http://hub.test/${repo}`, name: repo })
  })

  it('makes a card of the licence', async () => {
    const created = await alice.post('/api/repos/create', { name: 'licensed', license: 'mit' })
    expect(created.json().url).toBe('http://hub.test/alice/licensed')
    expect((await nobody.get('/alice/licensed/resolve/main/README.md')).text).toBe('---\nlicense: mit\n---\n')
  })

  it('makes a card of how a Space is run', async () => {
    await alice.post('/api/repos/create', { name: 'app', type: 'space', sdk: 'static', license: 'mit' })
    expect((await nobody.get('/spaces/alice/app/resolve/main/README.md')).text).toBe(
      '---\ntitle: "app"\nsdk: static\nlicense: mit\n---\n',
    )
  })

  it.each([
    ['bob', 403, 'another namespace'],
    ['nobody-there', 404, 'a namespace that does not exist'],
  ])('refuses in %s', async (organization, status) => {
    expect((await alice.post('/api/repos/create', { name: 'x', organization })).status).toBe(status)
  })

  it('is gone for everybody once deleted, and its name is free', async () => {
    const repo = await newRepo()
    const body = { name: repo.slice(6), organization: 'alice' }
    expect((await bob.delete('/api/repos/delete', body)).status).toBe(403)
    expect((await alice.delete('/api/repos/delete', body)).status).toBe(200)
    expect((await alice.get(`/api/models/${repo}`)).status).toBe(404)
    expect((await alice.delete('/api/repos/delete', body)).status).toBe(404)
    expect((await alice.post('/api/repos/create', body)).status).toBe(200)
  })
})

describe('private repositories', () => {
  it('do not exist for those who may not read them, on every door', async () => {
    const repo = await newRepo({ private: true })
    const sha256 = 'a'.repeat(64)
    const doors: [string, string, unknown?][] = [
      ['GET', `/api/models/${repo}`],
      ['GET', `/api/models/${repo}/refs`],
      ['GET', `/api/models/${repo}/tree/main`],
      ['GET', `/api/models/${repo}/commits/main`],
      ['GET', `/api/models/${repo}/auth-check`],
      ['GET', `/api/models/${repo}/xet-read-token/main`],
      ['GET', `/api/models/${repo}/xet-write-token/main`],
      ['POST', `/api/models/${repo}/paths-info/main`, { paths: ['a'] }],
      ['POST', `/api/models/${repo}/preupload/main`, { files: [] }],
      ['POST', `/api/models/${repo}/branch/x`, {}],
      ['GET', `/${repo}/resolve/main/.gitattributes`],
      ['HEAD', `/${repo}/resolve/main/.gitattributes`],
      ['GET', `/${repo}/raw/main/.gitattributes`],
      ['GET', `/${repo}.git/info/refs?service=git-upload-pack`],
      [
        'POST',
        `/${repo}.git/info/lfs/objects/batch`,
        { operation: 'download', objects: [{ oid: sha256, size: 1 }] },
      ],
    ]
    for (const [method, url, body] of doors) {
      for (const [who, status] of [
        [bob, 404],
        [nobody, 401],
      ] as const) {
        const missing = url.replace(repo, 'alice/never-there')
        const send = (target: string) =>
          method === 'POST' ? who.post(target, body) : method === 'HEAD' ? who.head(target) : who.get(target)
        const answer = await send(url)
        expect([url, answer.status, answer.headers['x-error-code']]).toEqual([url, status, 'RepoNotFound'])
        expect(answer.text).toBe((await send(missing)).text)
      }
    }
    expect((await alice.get(`/api/models/${repo}`)).json().private).toBe(true)
    expect((await alice.put(`/api/models/${repo}/settings`, { visibility: 'public' })).status).toBe(200)
    expect((await nobody.get(`/api/models/${repo}`)).status).toBe(200)
  })
})

it('signed URLs do not tell which private repositories there are', async () => {
  const repo = await newRepo({ private: true })
  const oid = 'a'.repeat(64)
  for (const who of [bob, nobody]) {
    for (const door of [`objects/${oid}`, `objects/${oid}?exp=1&sig=x`]) {
      const of = (name: string) => who.get(`/${name}.git/info/lfs/${door}`)
      const [hidden, missing] = [await of(repo), await of('alice/never-there')]
      expect([hidden.status, hidden.text]).toEqual([403, missing.text])
      expect(missing.status).toBe(403)
    }
  }
})

it('what is not served is no missing repository, but an id of one segment is', async () => {
  const repo = await newRepo()
  for (const path of [`/api/models/${repo}/never-served`, `/api/models/${repo}/tree`, '/never/served']) {
    const answer = await nobody.get(path)
    expect([path, answer.status, answer.headers['x-error-code']]).toEqual([path, 404, undefined])
  }
  for (const path of [
    '/api/models/gpt2',
    '/api/models/gpt2/tree/main',
    '/api/datasets/squad/revision/main',
    '/gpt2/resolve/main/config.json',
    '/datasets/squad/resolve/main/README.md',
  ]) {
    const answer = await nobody.get(path)
    expect([path, answer.status, answer.headers['x-error-code']]).toEqual([path, 401, 'RepoNotFound'])
  }
})

describe('paths', () => {
  it('are found as clients write them: encoded, or as they are', async () => {
    const repo = await newRepo()
    const names = ['100%.txt', 'a b+c.txt', 'a%20b', 'a#b?c', '数/据.txt', 'x.constructor', '__proto__/x']
    await alice.commit(repo, Object.fromEntries(names.map(name => [name, name])))
    for (const name of names) {
      const encoded = [name.split('/').map(encodeURIComponent).join('/'), encodeURIComponent(name)]
      for (const path of encoded) expect((await nobody.get(`/${repo}/resolve/main/${path}`)).text).toBe(name)
    }
    expect((await nobody.get(`/${repo}/resolve/main/100%.txt`)).text).toBe('100%.txt')
    expect((await nobody.get(`/${repo}/resolve/main/a%20b+c.txt`)).text).toBe('a b+c.txt')
  })

  it('of the first files are held to the rules of commits', async () => {
    const answers = await Promise.all(
      ['../x', '.git/config', '/x', 'a//b'].map(path =>
        alice.post('/api/repos/create', {
          name: 'odd',
          files: [{ path, content: 'eA==', encoding: 'base64' }],
        }),
      ),
    )
    expect(answers.map(answer => answer.status)).toEqual([422, 422, 422, 422])
  })
})

it('a pointer whose bytes are not here breaks its own file only', async () => {
  const repo = await newRepo()
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'9'.repeat(64)}\nsize 5\n`
  await alice.commit(repo, { 'README.md': pointer, 'config.json': pointer, '.gitattributes': pointer })
  expect((await nobody.get(`/api/models/${repo}`)).json().siblings).toHaveLength(3)
  expect((await nobody.get('/api/models?full=true')).status).toBe(200)
  expect((await nobody.get(`/${repo}/raw/main/README.md`)).text).toBe(pointer)
  expect((await nobody.get(`/${repo}/resolve/main/README.md`)).status).toBe(422)
  const files = [{ path: 'a', size: 1, sample: 'YQ==' }]
  expect((await alice.post(`/api/models/${repo}/preupload/main`, { files })).status).toBe(200)
})

describe('commits', () => {
  it('add, replace and delete files and folders at once', async () => {
    const repo = await newRepo()
    await alice.commit(repo, {
      'a.txt': 'one',
      'dir/b.txt': 'two',
      'dir/sub/c.txt': 'three',
      '数据.md': '四',
    })
    const second = await alice.commit(repo, { 'a.txt': 'ONE', 'dir/sub/': null })
    expect(second.json()).toMatchObject({
      success: true,
      commitUrl: `http://hub.test/${repo}/commit/${await headOf(repo)}`,
    })
    const tree = (await nobody.get(`/api/models/${repo}/tree/main?recursive=true`)).json()
    expect(tree.map((entry: { path: string }) => entry.path)).toEqual([
      '.gitattributes',
      'a.txt',
      'dir',
      'dir/b.txt',
      '数据.md',
    ])
    expect((await nobody.get(`/${repo}/resolve/main/a.txt`)).text).toBe('ONE')
    expect((await nobody.get(`/${repo}/resolve/main/${encodeURIComponent('数据.md')}`)).text).toBe('四')
    const [last] = (await nobody.get(`/api/models/${repo}/commits/main?expand[]=formatted`)).json()
    expect(last).toMatchObject({ title: 'Change', message: 'why\nso', formatted: { title: 'Change' } })
  })

  it('replace a file that the same commit deletes, in either order', async () => {
    const repo = await newRepo()
    await alice.commit(repo, { 'a.txt': 'one' })
    const header = JSON.stringify({ key: 'header', value: { summary: 's' } })
    const file = JSON.stringify({
      key: 'file',
      value: { path: 'a.txt', content: 'dHdv', encoding: 'base64' },
    })
    const gone = JSON.stringify({ key: 'deletedFile', value: { path: 'a.txt' } })
    const url = `/api/models/${repo}/commit/main`
    expect((await alice.post(url, [header, file, gone].join('\n'))).status).toBe(200)
    expect((await nobody.get(`/${repo}/resolve/main/a.txt`)).text).toBe('two')
  })

  it('take a folder away that is called a file', async () => {
    const repo = await newRepo()
    await alice.commit(repo, { 'a/b.txt': 'one', 'a/c/d.txt': 'two', e: 'three' })
    expect((await alice.commit(repo, { a: null })).status).toBe(200)
    const entries = (await nobody.get(`/api/models/${repo}/tree/main?recursive=true`)).json()
    expect(entries.map((entry: { path: string }) => entry.path)).toEqual(['.gitattributes', 'e'])
  })

  it('that change nothing give the head they found', async () => {
    const repo = await newRepo()
    const first = (await alice.commit(repo, { 'a.txt': 'one' })).json().commitOid
    expect((await alice.commit(repo, { 'a.txt': 'one' })).json().commitOid).toBe(first)
  })

  it('are refused with words: a stale parent, a branch, file or upload that is not there, a path that leaves', async () => {
    const repo = await newRepo()
    const before = await headOf(repo)
    await alice.commit(repo, { 'a.txt': 'one' })
    const head = await headOf(repo)
    const answers = [
      await alice.commit(repo, { 'b.txt': 'x' }, { parent: before }),
      await alice.commit(repo, { 'b.txt': 'x' }, { branch: 'absent' }),
      await alice.commit(repo, { 'absent.txt': null }),
      await alice.commit(repo, { 'w.bin': { sha256: 'b'.repeat(64), size: 3 } }),
      await alice.commit(repo, { '.git/config': 'x' }),
      await alice.commit(repo, { 'a.txt/b': 'x' }),
      await bob.commit(repo, { 'b.txt': 'x' }),
      await nobody.commit(repo, { 'b.txt': 'x' }),
    ]
    expect(answers.map(answer => [answer.status, answer.headers['x-error-code']])).toEqual([
      [412, undefined],
      [404, 'RevisionNotFound'],
      [404, 'EntryNotFound'],
      [422, undefined],
      [422, undefined],
      [422, undefined],
      [403, undefined],
      [401, undefined],
    ])
    for (const answer of answers) expect(answer.json().error.length).toBeGreaterThan(10)
    expect(answers[3]?.json().error).toMatch(/^1 file\(s\)/)
    expect(await headOf(repo)).toBe(head)
  })

  it('of many writers on one branch all land, none over another', async () => {
    const repo = await newRepo()
    const writers = Array.from({ length: 12 }, (_, n) => alice.commit(repo, { [`f${n}.txt`]: `${n}` }))
    expect((await Promise.all(writers)).map(answer => answer.status)).toEqual(Array(12).fill(200))
    const { siblings } = (await nobody.get(`/api/models/${repo}`)).json()
    expect(siblings).toHaveLength(13)
    const commits = await nobody.get(`/api/models/${repo}/commits/main?limit=1`)
    expect(commits.headers['x-total-count']).toBe('13')
  })

  it('with a parent: of two writers one wins, the other gets 412', async () => {
    const repo = await newRepo()
    const parent = await headOf(repo)
    const both = await Promise.all([
      alice.commit(repo, { a: '1' }, { parent }),
      alice.commit(repo, { b: '2' }, { parent }),
    ])
    expect(both.map(answer => answer.status).sort()).toEqual([200, 412])
  })
})

describe('revisions', () => {
  it('are branches, tags, full and short commit ids, refs in one segment or several', async () => {
    const repo = await newRepo()
    const first = await headOf(repo)
    await alice.post(`/api/models/${repo}/branch/${encodeURIComponent('feature/x')}`, {})
    await alice.post(`/api/models/${repo}/tag/main`, { tag: 'v1', message: 'first' })
    await alice.commit(repo, { 'new.txt': 'x' }, { branch: 'feature/x' })
    await alice.post(`/api/models/${repo}/tag/${encodeURIComponent('feature/x')}`, { tag: 'v2' })
    const { branches, tags } = (await nobody.get(`/api/models/${repo}/refs`)).json()
    expect(branches.map((branch: { name: string }) => branch.name)).toEqual(['feature/x', 'main'])
    expect(tags).toMatchObject([
      { name: 'v1', ref: 'refs/tags/v1', targetCommit: first },
      { name: 'v2', ref: 'refs/tags/v2', targetCommit: branches[0].targetCommit },
    ])
    const statuses = async (path: string) => {
      const revisions = [
        'main',
        'v1',
        'v2',
        'feature%2Fx',
        'refs%2Fheads%2Ffeature%2Fx',
        'refs/heads/feature/x',
        'HEAD',
        first,
        first.slice(0, 8),
      ]
      return Promise.all(
        revisions.map(async rev => (await nobody.get(`/${repo}/resolve/${rev}/${path}`)).status),
      )
    }
    expect(await statuses('.gitattributes')).toEqual(Array(9).fill(200))
    expect(await statuses('new.txt')).toEqual([404, 404, 200, 200, 200, 200, 404, 404, 404])
    for (const rev of ['feature/x', 'feature%2Fx', 'refs/heads/feature/x', 'refs/heads/feature%2Fx']) {
      expect((await nobody.get(`/api/models/${repo}/commits/${rev}?limit=1`)).headers['x-total-count']).toBe(
        '2',
      )
    }
    expect((await nobody.get(`/${repo}/resolve/refs/heads/feature%2Fx/new.txt`)).text).toBe('x')
    const missing = await nobody.get(`/${repo}/resolve/absent/x`)
    expect([missing.status, missing.headers['x-error-code']]).toEqual([404, 'RevisionNotFound'])
    const entry = await nobody.head(`/${repo}/resolve/main/absent.txt`)
    expect(entry.headers).toMatchObject({ 'x-error-code': 'EntryNotFound', 'x-repo-commit': first })
  })

  it('cannot be made twice or without a good name, and the default branch stays', async () => {
    const repo = await newRepo()
    const at = `/api/models/${repo}`
    expect((await alice.post(`${at}/branch/b`, {})).status).toBe(201)
    expect((await alice.post(`${at}/branch/b`, {})).status).toBe(409)
    expect((await alice.post(`${at}/branch/b`, { overwrite: true, emptyBranch: true })).status).toBe(201)
    expect((await nobody.get(`${at}/tree/b`)).json()).toEqual([])
    expect((await alice.post(`${at}/branch/a..b`, {})).status).toBe(400)
    expect((await alice.post(`${at}/tag/main`, { tag: 'no space' })).status).toBe(400)
    // Whatever else is wrong with it, as test_create_tag_on_missing_revision has it.
    expect((await alice.post(`${at}/tag/absent`, { tag: 'no space' })).headers['x-error-code']).toBe(
      'RevisionNotFound',
    )
    expect((await alice.delete(`${at}/branch/main`)).json().error).toBe('Cannot delete refs/heads/main')
    expect((await alice.delete(`${at}/branch/b`)).status).toBe(200)
    expect((await alice.delete(`${at}/branch/b`)).status).toBe(404)
    expect((await alice.delete(`${at}/tag/b`)).status).toBe(404)
  })
})

describe('listings', () => {
  it('page through one commit, whatever the branch does meanwhile', async () => {
    const repo = await newRepo()
    await alice.commit(repo, Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`d/f${n}`, String(n)])))
    const paths: string[] = []
    let url: string | undefined = `/api/models/${repo}/tree/main?recursive=true&limit=10`
    while (url) {
      const page = await nobody.get(url)
      paths.push(...page.json().map((entry: { path: string }) => entry.path))
      if (paths.length === 10) await alice.commit(repo, { 'd/': null })
      const next = /^<(https?:\/\/[^>]+)>; rel="next"$/.exec(page.headers.link ?? '')?.[1]
      url = next?.slice(new URL(next).origin.length)
    }
    expect(paths).toHaveLength(27)
    expect(new Set(paths).size).toBe(27)
  })

  it('refuse a cursor that this hub did not give', async () => {
    const repo = await newRepo()
    const absent = 'a'.repeat(40)
    for (const [list, position] of [
      ['tree', { commitId: absent, at: [0] }],
      ['commits', { head: absent, start: 0 }],
    ] as const) {
      const at = `/api/models/${repo}/${list}/main?cursor=`
      const forged = Buffer.from(JSON.stringify(position)).toString('base64url')
      expect((await nobody.get(at + forged)).headers['x-error-code']).toBe('RevisionNotFound')
      expect((await nobody.get(`${at}nonsense`)).status).toBe(400)
    }
  })

  it('say with expand which commit each entry is from', async () => {
    const repo = await newRepo()
    const first = (await alice.commit(repo, { 'a/x': '1', 'b/y': '1' })).json().commitOid
    const second = (await alice.commit(repo, { 'b/y': '2' })).json().commitOid
    await alice.commit(repo, { c: '3' })
    const form = 'paths=a&paths=a%2Fx&paths=b&paths=b%2Fy&paths=nothing&expand=true'
    const entries = await nobody.post(`/api/models/${repo}/paths-info/main`, form, {
      'content-type': 'application/x-www-form-urlencoded',
    })
    const found = entries
      .json()
      .map((entry: { path: string; lastCommit: { id: string } }) => [entry.path, entry.lastCommit.id])
    expect(found).toEqual([
      ['a', first],
      ['a/x', first],
      ['b', second],
      ['b/y', second],
    ])
  })
})

describe('large files by LFS', () => {
  const content = Buffer.alloc(300_000, 'weights')
  const sha256 = createHash('sha256').update(content).digest('hex')
  const object = { oid: sha256, size: content.length }
  const pathOf = (href: string) => href.slice(new URL(href).origin.length)

  async function offer(repo: string, who = alice, objects = [object]) {
    const answer = await who.post(`/${repo}.git/info/lfs/objects/batch`, {
      operation: 'upload',
      transfers: ['basic'],
      objects,
    })
    return answer.json().objects[0]
  }

  it('are uploaded to a signed URL, committed, read by range, and offered no second time', async () => {
    const repo = await newRepo()
    const { actions } = await offer(repo)
    expect((await nobody.put(pathOf(actions.upload.href), content.subarray(1))).status).toBe(422)
    expect((await nobody.put(pathOf(actions.upload.href), Buffer.alloc(content.length))).status).toBe(422)
    expect((await alice.commit(repo, { 'w.bin': { sha256, size: content.length } })).status).toBe(422)
    expect((await nobody.put(pathOf(actions.upload.href), content)).status).toBe(200)
    expect((await nobody.post(pathOf(actions.verify.href), object)).status).toBe(200)
    expect(await offer(repo)).toEqual(object)
    await alice.commit(repo, { 'w.bin': { sha256, size: content.length } })

    const head = await nobody.head(`/${repo}/resolve/main/w.bin`)
    expect(head.headers).toMatchObject({
      'content-length': '300000',
      'x-linked-size': '300000',
      etag: `"${sha256}"`,
      'x-linked-etag': `"${sha256}"`,
      'accept-ranges': 'bytes',
      'x-xet-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      vary: 'accept',
    })
    const part = await nobody.get(`/${repo}/resolve/main/w.bin`, { range: 'bytes=100000-200000' })
    expect(part.status).toBe(206)
    expect(part.headers['content-range']).toBe('bytes 100000-200000/300000')
    expect(part.bytes.equals(content.subarray(100_000, 200_001))).toBe(true)
    const beyond = await nobody.get(`/${repo}/resolve/main/w.bin`, { range: 'bytes=300000-' })
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */300000'])
    const raw = await nobody.get(`/${repo}/raw/main/w.bin`)
    expect(raw.text).toBe(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize 300000\n`)
    const [entry] = (await nobody.post(`/api/models/${repo}/paths-info/main`, { paths: ['w.bin'] })).json()
    expect(entry).toMatchObject({
      size: 300_000,
      lfs: { oid: sha256, size: 300_000, pointerSize: raw.bytes.length },
    })
  })

  it('are not given to whoever only knows their hash', async () => {
    const secret = Buffer.from('a secret of alice')
    const oid = createHash('sha256').update(secret).digest('hex')
    const mine = await newRepo({ private: true })
    const { actions } = await offer(mine, alice, [{ oid, size: secret.length }])
    await nobody.put(pathOf(actions.upload.href), secret)
    await alice.commit(mine, { 's.bin': { sha256: oid, size: secret.length } })
    await bob.post('/api/repos/create', { name: 'theirs' })
    const offered = await offer('bob/theirs', bob, [{ oid, size: secret.length }])
    expect(offered.actions.upload.href).toContain('/bob/theirs.git/')
    expect((await bob.commit('bob/theirs', { 's.bin': { sha256: oid, size: secret.length } })).status).toBe(
      422,
    )
    // Alice, who may read it, need not send it again.
    const other = await newRepo()
    expect(await offer(other, alice, [{ oid, size: secret.length }])).toEqual({ oid, size: secret.length })
    expect((await alice.commit(other, { 's.bin': { sha256: oid, size: secret.length } })).status).toBe(200)
  })

  it('come in parts when they are large', async () => {
    const repo = await newRepo()
    const size = 600 * 1024 * 1024
    const answer = await alice.post(`/${repo}.git/info/lfs/objects/batch`, {
      operation: 'upload',
      transfers: ['basic', 'multipart'],
      objects: [{ oid: 'c'.repeat(64), size }],
    })
    const { transfer, objects } = answer.json()
    const { chunk_size, ...parts } = objects[0].actions.upload.header
    expect(transfer).toBe('multipart')
    expect(Object.keys(parts)).toHaveLength(Math.ceil(size / Number(chunk_size)))
    expect(Object.keys(parts)[0]).toBe('00001')
    const incomplete = await nobody.post(pathOf(objects[0].actions.upload.href), {
      oid: 'c'.repeat(64),
      parts: [],
    })
    expect(incomplete.status).toBe(422)
  })
})

it('signed URLs are good for what they say only', async () => {
  const repo = await newRepo()
  const answer = await alice.post(`/${repo}.git/info/lfs/objects/batch`, {
    operation: 'upload',
    objects: [{ oid: 'd'.repeat(64), size: 1 }],
  })
  const href = answer.json().objects[0].actions.upload.href as string
  const path = href.slice(new URL(href).origin.length)
  for (const forged of [
    path.replace('d'.repeat(64), 'e'.repeat(64)),
    path.replace(repo, 'alice/r1'),
    path.replace(/sig=.*/, 'sig=x'),
  ]) {
    expect((await nobody.put(forged, Buffer.from('x'))).status).toBe(403)
  }
  expect((await nobody.get(path)).status).toBeGreaterThanOrEqual(400)
})

describe('the hub’s origin', () => {
  it('runs nothing that a repository holds', async () => {
    const repo = await newRepo()
    await alice.commit(repo, { 'x.html': '<script>alert(1)</script>', 'x.svg': '<svg onload="alert(1)"/>' })
    for (const path of ['resolve/main/x.html', 'raw/main/x.svg']) {
      const { headers } = await nobody.get(`/${repo}/${path}`)
      expect(headers['content-type']).toBe('text/plain; charset=utf-8')
      expect(headers['content-security-policy']).toContain('sandbox')
      expect(headers['x-content-type-options']).toBe('nosniff')
    }
  })
})
