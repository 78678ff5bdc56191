import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { BadInputStage } from './stage.ts'

const stage = new BadInputStage()
const header = '{"key":"header","value":{"summary":"s"}}'
const line = (key: string, value: unknown) => JSON.stringify({ key, value })
const file = line('file', { path: 'x', content: 'eA==', encoding: 'base64' })
const mebibyte = 1024 * 1024

describe('a commit', () => {
  const refused: [string, string | Uint8Array, number, RegExp][] = [
    ['that is empty', '', 400, /no header line/],
    ['of blank lines', '\n\r\n  \n', 400, /no header line/],
    ['cut in the middle of a line', `${header}\n${file.slice(0, -9)}`, 400, /line 2: is not a JSON object/],
    ['cut in the header', header.slice(0, 20), 400, /line 1: is not a JSON object/],
    ['without a header', file, 400, /line 1: comes before the header/],
    ['with two headers', `${header}\n${header}`, 400, /line 2: is a second header/],
    ['of HTML', '<html>', 400, /line 1: is not a JSON object/],
    ['of a JSON array', '[]', 400, /line 1: comes before the header/],
    ['of null', 'null', 400, /line 1: is not a JSON object/],
    ['in UTF-16', Buffer.from(header, 'utf16le'), 400, /line 1/],
    [
      'with a byte that is no UTF-8',
      Buffer.from(`${header}\n${line('file', { path: 'caf\xe9', content: '' })}`, 'latin1'),
      400,
      /line 2: is not UTF-8/,
    ],
    ['with an unknown key', `${header}\n${line('rename', {})}`, 400, /line 2: has the key \\"rename\\"/],
    ['with a key from a prototype', `${header}\n${line('__proto__', {})}`, 400, /line 2: has the key/],
    ['with a key that is an object', `${header}\n{"key":{"a":1},"value":{}}`, 400, /line 2: has the key/],
    ['without a value', `${header}\n{"key":"file"}`, 400, /line 2: value/],
    [
      'with a path that is a number',
      `${header}\n${line('file', { path: 1, content: '' })}`,
      400,
      /line 2: path/,
    ],
    ['with no content', `${header}\n${line('file', { path: 'x' })}`, 400, /line 2: content/],
    [
      'with broken base64',
      `${header}\n${line('file', { path: 'x', content: 'e', encoding: 'base64' })}`,
      400,
      /line 2: content is not valid base64/,
    ],
    [
      'with an unknown encoding',
      `${header}\n${line('file', { path: 'x', content: '', encoding: 'hex' })}`,
      400,
      /line 2: encoding/,
    ],
    ['with a summary that is missing', '{"key":"header","value":{}}', 400, /line 1: summary/],
    [
      'with a summary of 1 MB',
      `{"key":"header","value":{"summary":"${'s'.repeat(mebibyte)}"}}`,
      400,
      /line 1: summary/,
    ],
    [
      'with a NUL in its summary',
      `{"key":"header","value":{"summary":"a\\u0000b"}}\n${file}`,
      400,
      /message: holds a NUL/,
    ],
    [
      'on a parent that is none',
      '{"key":"header","value":{"summary":"s","parentCommit":"main"}}',
      400,
      /line 1: parentCommit.*40 hex/,
    ],
    [
      'on a parent that is not the head',
      `{"key":"header","value":{"summary":"s","parentCommit":"${'1'.repeat(40)}"}}\n${file}`,
      412,
      /updated since/,
    ],
    [
      'with a sha256 that is none',
      `${header}\n${line('lfsFile', { path: 'x', algo: 'sha256', oid: 'a' })}`,
      400,
      /line 2: oid.*64 hex/,
    ],
    [
      'with another hash than sha256',
      `${header}\n${line('lfsFile', { path: 'x', algo: 'md5', oid: 'a'.repeat(64) })}`,
      400,
      /line 2: algo/,
    ],
    [
      'with a negative size',
      `${header}\n${line('lfsFile', { path: 'x', oid: 'a'.repeat(64), size: -1 })}`,
      400,
      /line 2: size/,
    ],
    [
      'with half a byte',
      `${header}\n${line('lfsFile', { path: 'x', oid: 'a'.repeat(64), size: 1.5 })}`,
      400,
      /line 2: size/,
    ],
    [
      'with a size of 2^63',
      `${header}\n${line('lfsFile', { path: 'x', oid: 'a'.repeat(64), size: 2 ** 63 })}`,
      400,
      /line 2: size/,
    ],
    [
      'of an LFS file that nobody uploaded',
      `${header}\n${line('lfsFile', { path: 'x.bin', oid: 'a'.repeat(64), size: 1 })}`,
      422,
      /x\.bin .*were not uploaded|x\.bin/,
    ],
    [
      'that deletes what is not there',
      `${header}\n${line('deletedFile', { path: 'nothing' })}`,
      404,
      /doesn't exist/,
    ],
    [
      'of a file where a folder is',
      `${header}\n${line('file', { path: 'folder', content: '' })}`,
      422,
      /is a folder/,
    ],
    [
      'of a file below a file',
      `${header}\n${line('file', { path: 'a.txt/b', content: '' })}`,
      422,
      /which is a file/,
    ],
    ['that is not gzip', 'x', 400, /is not valid gzip/],
    [
      'with a file over 10 MiB',
      `${header}\n${line('file', { path: 'x', content: 'A'.repeat(13_990_000), encoding: 'base64' })}`,
      413,
      /over the limit of 10485760 bytes/,
    ],
    [
      'of 100,001 operations',
      `${header}\n${`${line('deletedFile', { path: 'a.txt' })}\n`.repeat(100_001)}`,
      413,
      /100000 operations/,
    ],
    [
      'nested 100,000 deep',
      `${header}\n{"key":"file","value":{"path":"x","content":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
      400,
      /line 2/,
    ],
  ]

  it.each(refused)('%s is refused, with nothing stored', async (name, body, status, says) => {
    const headers: Record<string, string> = { 'content-type': 'application/x-ndjson' }
    if (name.includes('gzip')) headers['content-encoding'] = 'gzip'
    await stage.expectNothingStored(async () => {
      stage.expectRefusal(
        await stage.alice.post(`/api/models/${stage.repo}/commit/main`, body, headers),
        status,
        says,
      )
    })
  })

  it('of 100,000 operations is made', async () => {
    const operations = Array.from({ length: 100_000 }, (_, n) =>
      line('file', { path: `many/${n % 300}/${n}`, content: '' }),
    )
    const { alice } = stage
    await alice.post('/api/repos/create', { name: 'many' })
    const answer = await alice.post('/api/models/alice/many/commit/main', [header, ...operations].join('\n'))
    expect([answer.status, answer.text.slice(0, 300)]).toEqual([
      200,
      expect.stringContaining('"success":true'),
    ])
    const tree = (await alice.get('/api/models/alice/many/tree/main/many')).json()
    expect(tree).toHaveLength(300)
  })

  // Compressed a thousandfold: what is sent is small, what it becomes is not.
  it.each([
    ['one line', 'a', /commit line.* over the limit/],
    ['blank lines', '\n', /over the limit of 200000 lines/],
  ])('that is a gigabyte of %s is stopped', async (_, byte, says) => {
    const piece = gzipSync(Buffer.alloc(mebibyte, byte))
    const bomb = Buffer.concat([gzipSync(`${header}\n`), ...Array.from({ length: 1024 }, () => piece)])
    await stage.expectNothingStored(async () => {
      const answer = await stage.alice.post(`/api/models/${stage.repo}/commit/main`, bomb, {
        'content-encoding': 'gzip',
      })
      stage.expectRefusal(answer, 413, says)
    })
  })
})

describe('a JSON body', () => {
  const routes = {
    preupload: `/api/models/alice/model/preupload/main`,
    'paths-info': `/api/models/alice/model/paths-info/main`,
    create: '/api/repos/create',
    branch: `/api/models/alice/model/branch/new`,
    tag: `/api/models/alice/model/tag/main`,
    batch: '/alice/model.git/info/lfs/objects/batch',
    'validate-yaml': '/api/validate-yaml',
  }
  const bodies: [string, string | Uint8Array, RegExp][] = [
    ['that is cut', '{"files": [', /is not JSON/],
    ['that is HTML', '<html>', /is not JSON/],
    ['of a number', '1', /expected object/],
    ['of null', 'null', /expected object/],
    ['of 100,000 brackets', '['.repeat(100_000), /is not JSON/],
    ['of 100,000 closed brackets', '['.repeat(100_000) + ']'.repeat(100_000), /expected object/],
    ['of an array of numbers', `[${'0,'.repeat(100_000)}0]`, /expected object/],
    ['that is not UTF-8', Buffer.from('{"name":"caf\xe9"}', 'latin1'), /is not UTF-8/],
  ]

  it.each(bodies)('%s is refused by every route', async (_, body, says) => {
    await stage.expectNothingStored(async () => {
      for (const url of Object.values(routes)) {
        stage.expectRefusal(
          await stage.alice.post(url, body, { 'content-type': 'application/json' }),
          400,
          says,
        )
      }
    })
  })

  it('over its limit is refused, compressed too', async () => {
    const bomb = gzipSync(Buffer.alloc(40 * mebibyte, ' '))
    await stage.expectNothingStored(async () => {
      for (const url of Object.values(routes)) {
        const type = { 'content-type': 'application/json' }
        const answer = await stage.alice.post(url, bomb, { ...type, 'content-encoding': 'gzip' })
        stage.expectRefusal(answer, 413, /request body is over the limit of \d+ bytes/)
        stage.expectRefusal(
          await stage.alice.post(url, bomb.subarray(0, 900), { ...type, 'content-encoding': 'gzip' }),
          400,
          /not valid gzip/,
        )
        stage.expectRefusal(
          await stage.alice.post(url, '{}', { ...type, 'content-encoding': 'br' }),
          400,
          /send identity or gzip/,
        )
      }
    })
  })

  const millions = `[${'0,'.repeat(1_500_000)}0]`
  it.each([
    ['preupload', `{"files":${millions}}`, 400, /files: .*1000/],
    ['paths-info', `{"paths":${millions}}`, 400, /paths: .*2000/],
    ['create', `{"name":"x","files":${millions}}`, 400, /files: .*100/],
    ['batch', `{"operation":"upload","objects":${millions}}`, 400, /objects: .*1000/],
  ] as const)('with millions of items is refused by %s', async (route, body, status, says) => {
    stage.expectRefusal(
      await stage.alice.post(routes[route], body, { 'content-type': 'application/json' }),
      status,
      says,
    )
  })

  it('reaches into no prototype', async () => {
    const poison =
      '{"name":"poisoned","__proto__":{"private":true,"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
    const answer = await stage.alice.post('/api/repos/create', poison, { 'content-type': 'application/json' })
    expect(answer.status).toBe(200)
    expect((await stage.nobody.get('/api/models/alice/poisoned')).status).toBe(200)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  it('of a new repository keeps its files to what commits may hold', async () => {
    const create = (path: string, content: string) =>
      stage.alice.post('/api/repos/create', { name: 'fresh', files: [{ path, content, encoding: 'base64' }] })
    await stage.expectNothingStored(async () => {
      stage.expectRefusal(await create('x', 'not base64!'), 400, /content is not valid base64/)
      stage.expectRefusal(
        await create('x', 'A'.repeat(14 * mebibyte)),
        413,
        /over the limit of 10485760 bytes/,
      )
      stage.expectRefusal(await create('.gitattributes/x', ''), 422, /which is a file/)
    })
  })
})

describe('names', () => {
  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/b/c',
    'x.git',
    '-x',
    'x--y',
    'é',
    'x y',
    'x'.repeat(97),
    'a\0b',
    'x\n',
    '.hidden',
  ])('no repository is called %j', async name => {
    await stage.expectNothingStored(async () => {
      const answer = await stage.alice.post('/api/repos/create', { name })
      expect([400, 403, 404]).toContain(answer.status)
      stage.expectRefusal(answer, answer.status, /name|namespace|no user/i)
    })
  })

  const refs = [
    '-x',
    '.x',
    'a..b',
    'a/',
    '/a',
    'a//b',
    'a.lock',
    'a/.b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\b',
    '@',
    'a@{b',
    'a\x7f',
    'a\0',
    'refs/heads/x',
    'HEAD',
    '1'.repeat(40),
    'x'.repeat(300),
  ]
  it.each(refs)('no branch or tag is called %j', async name => {
    const { alice, repo } = stage
    await stage.expectNothingStored(async () => {
      const branch = await alice.post(`/api/models/${repo}/branch/${encodeURIComponent(name)}`, {})
      stage.expectRefusal(branch, 400, /Invalid reference for a branch/)
      stage.expectRefusal(
        await alice.post(`/api/models/${repo}/tag/main`, { tag: name }),
        400,
        /Invalid reference for a tag/,
      )
    })
  })

  it.each([
    'no-such',
    'refs/heads/no',
    '1'.repeat(40),
    '1234567',
    'a\0b',
    '%',
    '../main',
    'main^{tree}',
    'x'.repeat(1000),
  ])('no revision is called %j', async name => {
    const revision = encodeURIComponent(name)
    for (const url of [
      `/api/models/alice/model/revision/${revision}`,
      `/api/models/alice/model/tree/${revision}`,
      `/api/models/alice/model/commits/${revision}`,
      `/alice/model/resolve/${revision}/a.txt`,
    ]) {
      const answer = await stage.nobody.get(url)
      expect([400, 404]).toContain(answer.status)
      stage.expectRefusal(answer, answer.status, /Invalid rev id|U\+0000|NUL/)
    }
  })
})
