import { describe, expect, it } from 'vitest'
import { newGitClient } from '../git-client.ts'
import { BadInputStage } from './stage.ts'

const stage = new BadInputStage()

/** A path that no repository may hold, and what is said of it. */
const badPaths: [string, RegExp][] = [
  ['..', /must not contain the name \\"\.\.\\"/],
  ['../a', /must not contain the name \\"\.\.\\"/],
  ['a/../../b', /must not contain the name \\"\.\.\\"/],
  ['a/./b', /must not contain the name \\"\.\\"/],
  ['/etc/passwd', /must not begin with \\"\/\\"/],
  ['a//b', /empty name/],
  ['', /is empty/],
  ['.git/config', /git's own folder/],
  ['a/.git/hooks/post-checkout', /git's own folder/],
  ['.GIT/config', /git's own folder/],
  ['.g\u200cit/config', /git's own folder/],
  ['.gi\u206ft/config', /git's own folder/],
  ['\ufeff.git/config', /git's own folder/],
  ['git~1/config', /git's own folder/],
  ['GIT~1', /git's own folder/],
  ['.git /config', /git's own folder/],
  ['.git./config', /git's own folder/],
  ['.git. . /config', /git's own folder/],
  ['.git::$INDEX_ALLOCATION/config', /git's own folder/],
  ['a\0b', /control characters/],
  ['a\nb', /control characters/],
  ['a\u001b[2Jb', /control characters/],
  ['a\\b', /must not contain/],
  ['C:\\windows', /must not contain/],
  [`${'d/'.repeat(2048)}x`, /longer than 4096 bytes/],
  ['n'.repeat(256), /longer than 255 bytes/],
  [`${'é'.repeat(128)}`, /longer than 255 bytes/],
  ['half \ud800 a pair', /not valid Unicode/],
]

const sha256 = 'a'.repeat(64)

describe.each(badPaths)('the path %j', (path, says) => {
  const line = (key: string, value: object) =>
    `{"key":"header","value":{"summary":"s"}}\n${JSON.stringify({ key, value })}`

  it('is refused by every door that writes, with nothing stored', async () => {
    await stage.expectNothingStored(async () => {
      const { alice, repo } = stage
      for (const body of [
        line('file', { path, content: 'x' }),
        line('lfsFile', { path, algo: 'sha256', oid: sha256, size: 1 }),
        line('deletedFile', { path }),
        line('deletedFolder', { path: path === '' ? '' : `${path}/` }),
      ]) {
        stage.expectRefusal(await alice.post(`/api/models/${repo}/commit/main`, body), 422, says)
      }
      const files = [{ path, size: 1, sample: '' }]
      stage.expectRefusal(await alice.post(`/api/models/${repo}/preupload/main`, { files }), 422, says)
      const first = [{ path, content: '', encoding: 'base64' }]
      stage.expectRefusal(await alice.post('/api/repos/create', { name: 'new', files: first }), 422, says)
    })
  })

  it('leads nowhere by a door that reads', async () => {
    const { nobody, repo } = stage
    const found = await nobody.post(`/api/models/${repo}/paths-info/main`, { paths: [path] })
    // The root of the repository is a folder like others.
    if (path === '') return
    if (Buffer.byteLength(path) <= 4096) expect([found.status, found.json()]).toEqual([200, []])
    else stage.expectRefusal(found, 400, /4096/)
    if (!path.isWellFormed()) return
    const encoded = path.split('/').map(encodeURIComponent).join('/')
    for (const sent of new Set([encoded, encodeURIComponent(path), encoded.replaceAll('%5C', '\\')])) {
      for (const door of [`/${repo}/resolve/main/`, `/${repo}/raw/main/`, `/api/models/${repo}/tree/main/`]) {
        const answer = await stage.request(door + sent)
        stage.expectRefusal(answer, 404, /not found/)
      }
    }
  })
})

describe('targets that are no URL', () => {
  it.each([
    ['%', 404],
    ['%2', 404],
    ['%zz', 404],
    ['%00', 404],
    ['%ff', 400],
    ['%c0%ae%c0%ae/', 400],
    ['%ed%a0%80', 400],
    ['a%2f..%2f..%2fb', 404],
    ['..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd', 404],
    ['....//....//etc/passwd', 404],
    ['\\..\\..\\x', 404],
    ['?x=%ff', 404],
    ['#/../x', 404],
  ])('resolve/main/%s', async (tail, status) => {
    for (const door of [`/${stage.repo}/resolve/main/`, `/api/models/${stage.repo}/tree/main/no/`]) {
      stage.expectRefusal(await stage.request(door + tail), status, /not found|not a valid url|malformed/i)
    }
  })

  it.each([
    '/../../etc/passwd',
    '/alice/../bob/hidden-thing/resolve/main/a',
    '//etc/passwd',
    '/%2e%2e/%2e%2e',
    '*',
    'x',
  ])('%s', async target => {
    const answer = await stage.request(target)
    expect([400, 401, 404]).toContain(answer.status)
    expect(answer.text).toMatch(/"error":"[^"]+/)
    expect(answer.text.replace(target, '')).not.toContain('hidden-thing')
  })
})

describe('a pushed tree', () => {
  const bytes = (path: string) => Buffer.from(path)

  it('with such names is refused, with nothing stored', async () => {
    const git = await newGitClient({ folder: stage.hub.hub.config.data })
    const url = `http://alice:hf_alice@${stage.url.host}/${stage.repo}`
    await git.run('clone', '-q', url, 'work')
    const blob = await git.object('work', 'blob', 'x')
    const folder = await git.rawTree('work', [['100644', 'config', blob]])
    const names: [string, Uint8Array, RegExp][] = [
      ['40000', bytes('..'), /hasDotdot|"\.\."/],
      ['40000', bytes('.'), /hasDot\b|"\."/],
      ['100644', bytes('a/b'), /fullPathname|slash/],
      ['100644', bytes(''), /emptyName|empty/],
      ['40000', bytes('.git'), /hasDotgit/],
      ['40000', bytes('.GIT'), /hasDotgit/],
      ['40000', bytes('.g\u200cit'), /hasDotgit/],
      ['40000', bytes('\ufeff.git'), /hasDotgit|git's own folder/],
      ['40000', bytes('git~1'), /hasDotgit/],
      ['40000', bytes('.git '), /hasDotgit|git's own folder/],
      ['40000', bytes('.git.'), /hasDotgit|git's own folder/],
      ['40000', bytes('.git::$INDEX_ALLOCATION'), /hasDotgit|git's own folder/],
      ['100644', bytes('a\\b'), /must not contain/],
      ['100644', bytes('a\u001b[2J'), /control characters/],
      ['100644', Buffer.from('caf\xe9', 'latin1'), /not UTF-8/],
      ['100644', bytes('n'.repeat(256)), /longer than 255 bytes/],
      ['100644', bytes('n'.repeat(5000)), /longer than|largePathname|no NUL within/],
    ]
    await stage.expectNothingStored(async () => {
      for (const [mode, name, says] of names) {
        const entry = [
          Buffer.from(`${mode} `),
          name,
          Buffer.of(0),
          Buffer.from(mode === '40000' ? folder : blob, 'hex'),
        ]
        const tree = await git.object('work', 'tree', Buffer.concat(entry))
        const head = await git.commitTree('work', tree)
        const { code, stderr } = await git.attempt('-C', 'work', 'push', 'origin', `${head}:refs/heads/trick`)
        expect([name.toString(), code !== 0, stderr]).toEqual([
          name.toString(),
          true,
          expect.stringMatching(says),
        ])
        stage.expectNoLeak({ status: 0, headers: {}, text: stderr.replaceAll('data', '') })
      }
    })
  })
})
