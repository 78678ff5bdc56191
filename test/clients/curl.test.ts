import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { MINILM, noise, sha256 } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

interface Answer {
  readonly status: number
  /** Names in lower case; of the last answer, when redirects were followed. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What curl got, redirects followed. */
async function curl(machine: Machine, args: readonly string[]): Promise<Answer> {
  const folder = await temporaryFolder()
  const [head, body] = [join(folder, 'head'), join(folder, 'body')]
  await machine.run('curl', ['--silent', '--show-error', '--location', '-D', head, '-o', body, ...args])
  const lines = (await readFile(head, 'latin1')).trim().split('\r\n\r\n').at(-1)?.split('\r\n') ?? []
  const headers: Record<string, string> = {}
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return {
    status: Number(lines[0]?.split(' ')[1]),
    headers,
    body: await readFile(body).catch(() => Buffer.alloc(0)),
  }
}

/** The parts of a multipart/byteranges body, in its order. */
function parts({ headers, body }: Answer): { range: string; bytes: Buffer }[] {
  const boundary = /^multipart\/byteranges; *boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1]
  if (!boundary) throw new Error(`not multipart/byteranges: ${headers['content-type']}`)
  const pieces = body.toString('latin1').split(`--${boundary}`)
  expect(pieces.at(-1)).toMatch(/^--(\r\n)?$/)
  return pieces.slice(1, -1).map(piece => {
    const at = piece.indexOf('\r\n\r\n')
    const range = /^content-range: *(.*)$/im.exec(piece.slice(0, at))?.[1] ?? ''
    return { range: range.trim(), bytes: Buffer.from(piece.slice(at + 4, -2), 'latin1') }
  })
}

describe('curl', () => {
  const large = Buffer.from(noise(9_000_000, 'curl'))
  const digest = sha256(large)
  let anyone: Machine
  let ada: Machine
  let oid: string
  let card: Buffer
  const file = (path: string, revision = 'main') => `${hub().url}/ada/curl/resolve/${revision}/${path}`

  beforeAll(async () => {
    anyone = await newMachine(hub().url)
    ada = await newMachine(hub().url, hub().token)
    card = await readFile(`${MINILM}/README.md`)
    const folder = await folderOf({
      'large.bin': large,
      'README.md': card,
      'with space/ümlaut #1.txt': 'odd name\n',
      'empty.txt': '',
    })
    ;({ oid } = await ada.python<{ oid: string }>('push', { repo: 'ada/curl', folder }))
  })

  it('gets large and small files whole, with exact headers', async () => {
    const big = await curl(anyone, [file('large.bin')])
    expect(big.status).toBe(200)
    expect(sha256(big.body)).toBe(digest)
    expect(big.headers).toMatchObject({
      'content-length': '9000000',
      'accept-ranges': 'bytes',
      etag: `"${digest}"`,
      'x-repo-commit': oid,
    })
    const small = await curl(anyone, [file('README.md')])
    expect(small.body.equals(card)).toBe(true)
    const blob = createHash('sha1').update(`blob ${card.length}\0`).update(card).digest('hex')
    expect(small.headers).toMatchObject({ 'content-length': String(card.length), etag: `"${blob}"` })
    const empty = await curl(anyone, [file('empty.txt')])
    expect([empty.status, empty.body.length, empty.headers['content-length']]).toEqual([200, 0, '0'])
  })

  it('asks with HEAD and gets the length, and no body', async () => {
    const { status, headers } = await curl(anyone, ['--head', file('large.bin')])
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-length': '9000000',
      'accept-ranges': 'bytes',
      'x-linked-size': '9000000',
      'x-linked-etag': `"${digest}"`,
      'x-repo-commit': oid,
      'x-xet-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      link: expect.stringContaining('rel="xet-auth"'),
    })
    const small = await curl(anyone, ['--head', file('README.md')])
    expect(small.headers['content-length']).toBe(String(card.length))
    expect(small.headers).not.toHaveProperty('x-xet-hash')
    const absent = await curl(anyone, ['--head', file('absent')])
    expect(absent.status).toBe(404)
    expect(absent.headers).toMatchObject({ 'x-error-code': 'EntryNotFound', 'x-repo-commit': oid })
  })

  it.each([
    ['0-0', 0, 1],
    ['0-99', 0, 100],
    ['1048570-1048590', 1_048_570, 1_048_591],
    ['3000000-7999999', 3_000_000, 8_000_000],
    ['8999990-', 8_999_990, 9_000_000],
    ['-25', 8_999_975, 9_000_000],
    ['8999999-99999999', 8_999_999, 9_000_000],
  ])('gets the range %s of a large file', async (range, start, end) => {
    const { status, headers, body } = await curl(anyone, ['--range', range, file('large.bin')])
    expect(status).toBe(206)
    expect(headers).toMatchObject({
      'content-range': `bytes ${start}-${end - 1}/9000000`,
      'content-length': String(end - start),
    })
    expect(body.equals(large.subarray(start, end))).toBe(true)
  })

  it('gets ranges of a small file, and is refused past the end', async () => {
    const some = await curl(anyone, ['--range', '10-19', file('README.md')])
    expect([some.status, some.headers['content-range']]).toEqual([206, `bytes 10-19/${card.length}`])
    expect(some.body.equals(card.subarray(10, 20))).toBe(true)
    for (const [path, size] of [
      ['large.bin', 9_000_000],
      ['README.md', card.length],
    ] as const) {
      const past = await curl(anyone, ['--range', `${size}-`, file(path)])
      expect([past.status, past.headers['content-range']]).toEqual([416, `bytes */${size}`])
    }
  })

  it('gets several ranges at once', async () => {
    for (const [path, whole] of [
      ['large.bin', large],
      ['README.md', card],
    ] as const) {
      const answer = await curl(anyone, ['--range', '0-9,500-1499,-7', file(path)])
      expect(answer.status).toBe(206)
      expect(answer.headers['content-length']).toBe(String(answer.body.length))
      const size = whole.length
      const wanted = [
        [0, 10],
        [500, 1500],
        [size - 7, size],
      ] as const
      const got = parts(answer)
      expect(got.map(part => part.range)).toEqual(
        wanted.map(([from, to]) => `bytes ${from}-${to - 1}/${size}`),
      )
      for (const [at, [from, to]] of wanted.entries()) {
        expect(got[at]?.bytes.equals(whole.subarray(from, to))).toBe(true)
      }
    }
  })

  it('resumes a download that was cut', async () => {
    const target = join(await folderOf({ 'large.bin': large.subarray(0, 4_000_001) }), 'large.bin')
    await anyone.run('curl', [
      '--silent',
      '--fail',
      '--location',
      '--continue-at',
      '-',
      '-o',
      target,
      file('large.bin'),
    ])
    expect(sha256(await readFile(target))).toBe(digest)
  })

  it('gets files by branch, commit and odd names, and pointers by raw', async () => {
    for (const revision of ['main', 'HEAD', oid, 'refs%2Fheads%2Fmain']) {
      expect((await curl(anyone, [file('README.md', revision)])).body.equals(card)).toBe(true)
    }
    const odd = await curl(anyone, [file('with%20space/%C3%BCmlaut%20%231.txt')])
    expect(odd.body.toString()).toBe('odd name\n')
    const raw = await curl(anyone, [`${hub().url}/ada/curl/raw/main/large.bin`])
    expect(raw.body.toString()).toBe(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize 9000000\n`,
    )
    const text = await curl(anyone, [`${hub().url}/ada/curl/raw/main/README.md`])
    expect(text.body.equals(card)).toBe(true)
  })

  it('carries a token as Bearer and as a password; errors say what they are', async () => {
    const who = `${hub().url}/api/whoami-v2`
    const bearer = await curl(anyone, ['--oauth2-bearer', hub().token, who])
    expect(JSON.parse(bearer.body.toString())).toMatchObject({ name: 'ada' })
    const basic = await curl(anyone, ['--user', `ada:${hub().token}`, who])
    expect(JSON.parse(basic.body.toString())).toMatchObject({ name: 'ada' })
    const wrong = await curl(anyone, ['--oauth2-bearer', `hf_${'w'.repeat(34)}`, who])
    expect(wrong.status).toBe(401)
    expect(wrong.headers['x-error-message']).toBe('Invalid credentials in Authorization header')
    expect(wrong.headers['content-type']).toMatch(/^application\/json/)
    expect(JSON.parse(wrong.body.toString())).toMatchObject({
      error: 'Invalid credentials in Authorization header',
    })
    expect(wrong.headers['x-request-id']).toBeTruthy()
    const nobody = await curl(anyone, [who])
    expect(nobody.status).toBe(401)
  })

  it('sees that the hub is alive and ready, and reads its metrics', async () => {
    expect((await curl(anyone, [`${hub().url}/healthz`])).status).toBe(200)
    expect((await curl(anyone, [`${hub().url}/readyz`])).status).toBe(200)
    const metrics = await curl(anyone, [`${hub().url}/metrics`])
    expect(metrics.headers['content-type']).toMatch(/^text\/plain/)
    expect(metrics.body.toString()).toMatch(/^# TYPE \w+/m)
  })
})
