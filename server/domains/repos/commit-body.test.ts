import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { mutated } from '../../../test/mutated.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { readCommitBody } from './commit-body.ts'
import { InvalidOperation } from './errors.ts'

const header = JSON.stringify({ key: 'header', value: { summary: 'Add', description: '' } })
const line = (key: string, value: unknown) => JSON.stringify({ key, value })

async function read(body: string | Uint8Array, pieceLength = 7) {
  const kept: [string, string][] = []
  const bytes = Buffer.from(body)
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength)
  }
  const result = await readCommitBody(pieces(), async (path, content) => {
    kept.push([path, Buffer.from(content).toString()])
    return `blob-${kept.length}`
  })
  return { ...result, kept }
}

describe('readCommitBody', () => {
  it('reads every kind of line, however it is cut, with or without a last newline', async () => {
    const body = [
      header,
      line('file', { path: 'a.txt', content: 'aGVsbG8=', encoding: 'base64' }),
      line('file', { path: '模型.md', content: 'grün', encoding: 'utf-8' }),
      line('lfsFile', { path: 'w.bin', algo: 'sha256', oid: 'a'.repeat(64), size: 3 }),
      line('deletedFile', { path: 'old' }),
      line('deletedFolder', { path: 'dir/' }),
    ].join('\n')
    for (const [text, length] of [
      [body, 1],
      [`${body}\n`, 1000],
    ] as const) {
      const { operations, kept } = await read(text, length)
      expect(kept).toEqual([
        ['a.txt', 'hello'],
        ['模型.md', 'grün'],
      ])
      expect(operations).toEqual([
        { kind: 'file', path: 'a.txt', oid: 'blob-1' },
        { kind: 'file', path: '模型.md', oid: 'blob-2' },
        { kind: 'lfs-file', path: 'w.bin', sha256: 'a'.repeat(64), size: 3 },
        { kind: 'delete-file', path: 'old' },
        { kind: 'delete-folder', path: 'dir' },
      ])
    }
  })

  it.each([
    [
      'a cut line',
      `${header}\n${line('file', { path: 'a', content: '' }).slice(0, -5)}`,
      /line 2.*was the upload cut/,
    ],
    ['no header', '', /no header/],
    ['a header that comes late', line('deletedFile', { path: 'a' }), /line 1 *: comes before the header/],
    ['two headers', `${header}\n${header}`, /second header/],
    ['an unknown key', `${header}\n${line('x', {})}`, /key "x"/],
    [
      'broken base64',
      `${header}\n${line('file', { path: 'a', content: '!!', encoding: 'base64' })}`,
      /base64/,
    ],
    [
      'base64 that is cut',
      `${header}\n${line('file', { path: 'a', content: 'aGVsbG8=Z', encoding: 'base64' })}`,
      /base64/,
    ],
    ['six bits', `${header}\n${line('file', { path: 'a', content: 'a', encoding: 'base64' })}`, /base64/],
    ['a line number behind blank lines', `${header}\n\n \n{}`, /line 4/],
    ['a short sha256', `${header}\n${line('lfsFile', { path: 'a', oid: 'abc' })}`, /sha256/],
  ])('refuses %s', async (_, body, message) => {
    const failure = read(body)
    await expect(failure).rejects.toBeInstanceOf(MalformedInput)
    await expect(failure).rejects.toThrow(message)
  })

  it.each(['../a', '/a', 'a/../b', '.git/config', 'a\\b', 'a/.GIT/x'])('refuses the path %s', async path => {
    await expect(read(`${header}\n${line('deletedFile', { path })}`)).rejects.toBeInstanceOf(InvalidOperation)
  })

  it('stops at a line that does not end, without keeping it all', async () => {
    let sent = 0
    async function* endless() {
      for (;;) {
        sent += 1024 * 1024
        yield Buffer.alloc(1024 * 1024, 97)
      }
    }
    await expect(readCommitBody(endless(), async () => '')).rejects.toBeInstanceOf(LimitExceeded)
    expect(sent).toBeLessThan(20 * 1024 * 1024)
  })

  it('stops at files that are too much together, and at lines that are too many', async () => {
    const repeat = async function* (line: string) {
      const piece = Buffer.from(`${line}\n`)
      yield Buffer.from(`${header}\n`)
      for (let sent = 0; sent < 400 * 1024 * 1024; sent += piece.length) yield piece
    }
    const large = line('file', { path: 'x', content: 'A'.repeat(12 * 1024 * 1024), encoding: 'base64' })
    await expect(readCommitBody(repeat(large), async () => '')).rejects.toThrow(
      'the regular files of one commit is over the limit of 268435456 bytes',
    )
    await expect(readCommitBody(repeat('\n'.repeat(1024)), async () => '')).rejects.toThrow('200000 lines')
  })

  it('gives back what was written, and of anything else an operation or a refusal', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '.x', '-'), minLength: 1, maxLength: 6 })
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/'))
    const file = fc.record({ path, content: fc.string({ unit: 'binary' }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { maxLength: 4 }),
        fc.integer({ min: 1, max: 99 }),
        async (files, cut) => {
          const { operations, kept } = await read(
            [header, ...files.map(value => line('file', value))].join('\n'),
            cut,
          )
          expect(operations.map(({ path }) => path)).toEqual(files.map(({ path }) => path))
          expect(kept).toEqual(files.map(({ path, content }) => [path, Buffer.from(content).toString()]))
        },
      ),
      runs(10_000),
    )
    const samples = [
      [header, line('file', { path: 'a/b', content: 'aGk=', encoding: 'base64' })].join('\n'),
      [header, line('lfsFile', { path: 'w', algo: 'sha256', oid: 'a'.repeat(64), size: 3 })].join('\r\n\n'),
      [header, line('deletedFile', { path: 'x' }), line('deletedFolder', { path: 'y/' })].join('\n'),
    ].map(text => Buffer.from(text))
    await fc.assert(
      fc.asyncProperty(mutated(samples), async given => {
        try {
          const { operations } = await read(given)
          for (const { path } of operations)
            expect(path).not.toMatch(/^\/|\/$|\\|(^|\/)(\.{0,2}|\.git)(\/|$)/i)
        } catch (error) {
          expect(
            [MalformedInput, LimitExceeded, InvalidOperation].some(kind => error instanceof kind),
            String(error),
          ).toBe(true)
        }
      }),
      runs(10_000),
    )
  })
})
