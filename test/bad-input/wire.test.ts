import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { BadInputStage, parse } from './stage.ts'

const stage = new BadInputStage()
const get = 'GET /healthz HTTP/1.1\r\nHost: hub.test\r\n'
const authorization = 'Authorization: Bearer hf_alice\r\n'
const post = (headers: string) =>
  `POST /api/models/alice/model/paths-info/main HTTP/1.1\r\nHost: hub.test\r\n${headers}\r\n`

describe('a message that is no HTTP', () => {
  it.each<[string, string, number, RegExp]>([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00', 400, /not a valid HTTP request/],
    ['an unknown method', 'FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n', 400, /method/i],
    ['a lower-case method', 'get / HTTP/1.1\r\nHost: x\r\n\r\n', 400, /method/i],
    ['HTTP 3.7', 'GET / HTTP/3.7\r\nHost: x\r\n\r\n', 400, /version/i],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, /host/i],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\nConnection: close\r\n\r\n', 400, /host/i],
    ['a header without a colon', `${get}nonsense\r\n\r\n`, 400, /header/i],
    ['a header with a space before its colon', `${get}X-A : b\r\n\r\n`, 400, /header/i],
    ['a NUL in a header', `${get}X-A: b\0c\r\n\r\n`, 400, /header/i],
    ['a folded header', `${get}X-A: b\r\n c\r\n\r\n`, 400, /header/i],
    ['a bare CR in a header', `${get}X-A: b\rX-B: c\r\n\r\n`, 400, /./],
    ['two lengths', `${post('Content-Length: 2\r\nContent-Length: 3\r\n')}{}`, 400, /length/i],
    ['a negative length', post('Content-Length: -1\r\n'), 400, /length/i],
    ['a length of words', post('Content-Length: two\r\n'), 400, /length/i],
    ['a length over 2^64', post(`Content-Length: ${'9'.repeat(30)}\r\n`), 400, /length/i],
    [
      'length and chunks',
      `${post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n')}0\r\n\r\n`,
      400,
      /transfer|length/i,
    ],
    [
      'chunks and length',
      `${post('Transfer-Encoding: chunked\r\nContent-Length: 6\r\n')}0\r\n\r\n`,
      400,
      /transfer|length/i,
    ],
    [
      'chunks that are not last',
      `${post('Transfer-Encoding: chunked, gzip\r\n')}0\r\n\r\n`,
      400,
      /transfer/i,
    ],
    ['an unknown transfer coding', `${post('Transfer-Encoding: xchunked\r\n')}0\r\n\r\n`, 400, /transfer/i],
    [
      'chunks twice',
      `${post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n')}0\r\n\r\n`,
      400,
      /transfer/i,
    ],
    ['a broken chunk size', `${post('Transfer-Encoding: chunked\r\n')}zz\r\n`, 400, /chunk/i],
    ['a chunk of 2^64', `${post('Transfer-Encoding: chunked\r\n')}ffffffffffffffffff\r\n`, 400, /chunk/i],
    [
      'chunk extensions of 100 KB',
      `${post('Transfer-Encoding: chunked\r\n')}1;${'x'.repeat(100_000)}\r\n`,
      413,
      /chunk/i,
    ],
    ['a header of 100 KB', `${get}X-A: ${'b'.repeat(100_000)}\r\n\r\n`, 431, /16384 bytes/],
    ['10,000 headers', `${get}${'X-A: b\r\n'.repeat(10_000)}\r\n`, 431, /16384 bytes/],
    ['a URL of 100 KB', `GET /${'u'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, /16384 bytes/],
  ])('%s', async (_, message, status, says) => {
    const answer = parse(await stage.wire(message))
    stage.expectRefusal(answer, status, says)
    expect(answer.headers.connection).toBe('close')
  })

  it('smuggles no second request', async () => {
    const hidden = 'GET /api/whoami-v2 HTTP/1.1\r\nHost: hub.test\r\n\r\n'
    const said = await stage.wire(
      `POST /api/validate-yaml HTTP/1.1\r\nHost: hub.test\r\nContent-Length: ${hidden.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    )
    expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
  })
})

describe('a request that nothing answers', () => {
  it.each(['PROPFIND', 'TRACE', 'OPTIONS', 'PATCH', 'DELETE', 'MKCOL', 'LINK'])('%s', async method => {
    stage.expectRefusal(
      await stage.request('/api/models/alice/model', { method }),
      404,
      /Nothing here answers/,
    )
  })

  it('CONNECT', async () => {
    expect(await stage.wire('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('')
  })
})

describe('nonsense in a query', () => {
  it.each([
    ['/api/models?limit=0', /limit/],
    ['/api/models?limit=-1', /limit/],
    ['/api/models?limit=abc', /limit/],
    ['/api/models?limit=1.5', /limit/],
    ['/api/models?limit=1e400', /limit/],
    ['/api/models?limit=9007199254740993', /limit/],
    ['/api/models?sort=password', /sort: .*is not one of/],
    ['/api/models?sort=__proto__', /sort: .*is not one of/],
    ['/api/models?cursor=abc', /cursor: is not one that this hub gave out/],
    [`/api/models?cursor=${Buffer.from('{"value":{},"id":1}').toString('base64url')}`, /cursor/],
    [`/api/models?cursor=${Buffer.from('['.repeat(3000)).toString('base64url')}`, /cursor/],
    ['/api/models?expand=password', /expand\[0\]: .*is invalid: expected one of/],
    ['/api/models?expand[]=author&expand[]=__proto__', /expand\[1\]: .*is invalid: expected one of/],
    [`/api/models?${'expand=author&'.repeat(1000)}expand=x`, /expand/],
    [`/api/models?search=${Array.from({ length: 60 }, (_, i) => i).join('+')}`, /search: asks for 60 terms/],
    [`/api/models?filter=${Array.from({ length: 60 }, (_, i) => i).join(',')}`, /filter: asks for 60 terms/],
    [`/api/models?author=${'a'.repeat(5000)}`, /author/],
    ['/api/models?search=a%00b', /U\+0000|NUL/],
    ['/api/models/alice/model?expand=constructor', /expand\[0\]: .*is invalid: expected one of/],
    ['/api/models/alice/model/tree/main?limit=-5', /limit/],
    ['/api/models/alice/model/tree/main?cursor=%00', /cursor/],
    [
      `/api/models/alice/model/tree/main?cursor=${Buffer.from(`{"commitId":"${'0'.repeat(40)}","at":[-1]}`).toString('base64url')}`,
      /cursor/,
    ],
    ['/api/models/alice/model/commits/main?p=-1', /p: /],
    ['/api/models/alice/model/commits/main?p=1e99', /p: /],
    [
      `/api/models/alice/model/commits/main?cursor=${Buffer.from('{"head":"main","start":0}').toString('base64url')}`,
      /cursor/,
    ],
    ['/alice/model/info/refs', /service: must be/],
    ['/alice/model/info/refs?service=git-shell', /service: must be/],
  ])('%s', async (target, says) => {
    stage.expectRefusal(await stage.request(target), 400, says)
  })

  it.each([
    '/api/models?limit=5&limit=7&unknown=1&__proto__=x&constructor[prototype]=y',
    '/api/models?=&&&=x&%zz=1&full=perhaps',
    '/api/models/alice/model/commits/main?p=9007199254740991',
    `/api/models/alice/model/tree/main?cursor=${Buffer.from(`{"commitId":"${'0'.repeat(40)}","at":[9007199254740991]}`).toString('base64url')}`,
  ])('%s does no harm', async target => {
    const answer = await stage.request(target)
    expect([200, 404]).toContain(answer.status)
    stage.expectNoLeak(answer)
  })
})

describe('a Range', () => {
  it.each([
    ['bytes=0-0', 206],
    ['bytes=-0', 416],
    ['bytes=5-', 416],
    ['bytes=9999999999999999999999-', 200],
    ['bytes=1-0', 200],
    ['bytes=--1', 200],
    ['bytes=abc', 200],
    ['bytes=0x0-0x1', 200],
    ['items=0-1', 200],
    ['bytes', 200],
    ['bytes=', 200],
    ['bytes=0-0,0-0,0-0', 200],
    ['bytes=-99999999999999', 206],
    [`bytes=${Array.from({ length: 2000 }, () => '0-0').join(',')}`, 200],
    [`bytes=${'9'.repeat(15)}-`, 416],
  ])('%s', async (range, status) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await stage.request('/alice/model/resolve/main/a.txt', {
        method,
        headers: `Range: ${range}\r\n`,
      })
      expect(answer.status).toBe(method === 'HEAD' ? 200 : status)
      if (answer.status === 416) {
        expect(answer.headers['content-range']).toBe('bytes */1')
        stage.expectRefusal(answer, 416, /range/)
      } else if (method === 'GET') expect(answer.text).toBe('a')
    }
  })

  it('of ten thousand parts is a header that is too long', async () => {
    const headers = `Range: bytes=${Array.from({ length: 10_000 }, (_, i) => `${i}-${i}`).join(',')}\r\n`
    stage.expectRefusal(
      await stage.request('/alice/model/resolve/main/a.txt', { headers }),
      431,
      /16384 bytes/,
    )
  })
})

describe('an Authorization', () => {
  const basic = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`
  it.each([
    '',
    ' ',
    'Bearer',
    'Bearer ',
    'Bearer hf_alice extra',
    'Bearer \xff\xfe',
    'Bearer hf_\u00e4',
    'Basic',
    'Basic !!!!',
    'Digest x',
    `Bearer ${'x'.repeat(8000)}`,
    basic('alice'),
    basic('alice:'),
    basic(':'),
    basic(':hf'),
    basic('alice:wrong'),
    basic('alice:wrong\0alice has a long password'),
    basic(Buffer.from('al\xefce:\xff\xfe', 'latin1')),
    basic('a\0b:c'),
    basic(`${'n'.repeat(3000)}:${'p'.repeat(3000)}`),
    basic("alice' OR 1=1 --:x"),
    basic('alice:\ud800'),
    'Basic YWxpY2U6:::',
  ])('%j is refused', async value => {
    const headers = `Authorization: ${value}\r\n`
    const answer = await stage.request('/api/whoami-v2', { headers })
    stage.expectRefusal(answer, value === basic('a\0b:c') ? 400 : 401, /./)
    // A wrong password takes long to find wrong, as it must.
    if (value.length > 40) return
    const git = await stage.request('/alice/model/info/refs?service=git-upload-pack', {
      headers: `${headers}User-Agent: git/2.40\r\n`,
    })
    if (value.trim() !== '') expect(git.status).toBe(answer.status)
    stage.expectNoLeak(git)
  })
})

describe('a body that is not what its head says', () => {
  const send = async (...steps: (string | number)[]) => {
    const socket = connect(Number(stage.url.port), stage.url.hostname)
    let said = ''
    socket.on('data', piece => {
      said += piece
    })
    const closed = new Promise<string>(settle => {
      socket.on('error', () => {})
      socket.once('close', () => settle(said))
    })
    for (const step of steps) typeof step === 'string' ? socket.write(step) : await sleep(step)
    return { socket, closed }
  }

  it('and ends early stores nothing', async () => {
    const line =
      '{"key":"header","value":{"summary":"s"}}\n{"key":"file","value":{"path":"cut.txt","content":"x"}}\n'
    await stage.expectNothingStored(async () => {
      const head = `POST /api/models/alice/model/commit/main HTTP/1.1\r\nHost: hub.test\r\n${authorization}`
      for (const body of [
        `Content-Length: ${line.length + 1}\r\n\r\n${line}`,
        `Transfer-Encoding: chunked\r\n\r\n${line.length.toString(16)}\r\n${line}\r\n`,
      ]) {
        const { socket, closed } = await send(head + body, 100)
        socket.end()
        // Half-closed: it can still be told.
        expect(await closed).toMatch(/^HTTP\/1\.1 400|^$/)
        const torn = await send(head + body, 100)
        torn.socket.destroy()
        await torn.closed
      }
      await sleep(100)
    })
  })
})
