import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { encodeLfsPointer, LFS_POINTER_LIMIT, parseLfsPointer } from './lfs-pointer.ts'

const SHA256 = '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393'
/** The example of the git-lfs specification. */
const SPEC = `version https://git-lfs.github.com/spec/v1\noid sha256:${SHA256}\nsize 12345\n`
const EXTENDED = SPEC.replace('\noid', `\next-0-foo sha256:${SHA256}\next-1-bar sha256:${SHA256}\noid`)

const pointers = fc.record({
  sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  size: fc.maxSafeNat(),
})

describe('encodeLfsPointer', () => {
  it('writes the example of the specification', () => {
    expect(Buffer.from(encodeLfsPointer({ sha256: SHA256, size: 12345 })).toString()).toBe(SPEC)
  })

  it.each([
    [{ sha256: SHA256.toUpperCase(), size: 1 }, 'oid must be 64 lower-case hex digits'],
    [{ sha256: `${SHA256}\nsize 2`, size: 1 }, 'oid must be'],
    [{ sha256: SHA256, size: -1 }, 'size must be a whole number'],
    [{ sha256: SHA256, size: 2 ** 53 }, 'size must be a whole number'],
  ])('refuses %j', (pointer, message) => {
    expect(() => encodeLfsPointer(pointer)).toThrow(message)
  })

  it('is undone by parseLfsPointer', () => {
    fc.assert(
      fc.property(pointers, pointer => {
        expect(parseLfsPointer(encodeLfsPointer(pointer))).toEqual(pointer)
      }),
      runs(10_000),
    )
  })
})

/** Blobs, and whether they are pointers. `git lfs ls-files` says the same, see below. */
const BLOBS: [name: string, blob: string, isPointer: boolean][] = [
  ['spec', SPEC, true],
  ['extensions', EXTENDED, true],
  ['pre-release', SPEC.replace('git-lfs.github.com', 'hawser.github.com'), true],
  ['alpha', SPEC.replace('https://git-lfs.github.com/spec/v1', 'http://git-media.io/v/2'), true],
  ['no-last-newline', SPEC.trimEnd(), true],
  ['blank-lines', `\n${SPEC.replaceAll('\n', '\n\n')}`, true],
  ['crlf', SPEC.replaceAll('\n', '\r\n'), true],
  ['trailing-blanks', `${SPEC}   \n\t\n`, true],
  ['unknown-version', SPEC.replace('v1', 'v2'), false],
  ['extension-after-oid', SPEC.replace('\nsize', `\next-0-foo sha256:${SHA256}\nsize`), true],
  ['extension-last', `${SPEC}ext-0-foo sha256:${SHA256}\n`, false],
  ['same-priority-twice', EXTENDED.replace('ext-1', 'ext-0'), false],
  ['two-digit-priority', EXTENDED.replace('ext-1', 'ext-10'), false],
  ['extension-without-hash', EXTENDED.replace(/ext-1-bar.*/, 'ext-1-bar x'), false],
  ['size-before-oid', SPEC.replace(/(oid.*\n)(size.*\n)/, '$2$1'), false],
  ['unknown-key', SPEC.replace('oid', 'mode 644\noid'), false],
  ['extra-line', `${SPEC}more text\n`, false],
  ['no-size', SPEC.replace(/size.*\n/, ''), false],
  ['no-version', SPEC.replace(/version.*\n/, ''), false],
  ['negative-size', SPEC.replace('12345', '-1'), false],
  ['text-size', SPEC.replace('12345', '12k'), false],
  ['upper-case-oid', SPEC.replace(SHA256, SHA256.toUpperCase()), false],
  ['short-oid', SPEC.replace(SHA256, SHA256.slice(1)), false],
  ['md5', SPEC.replace('sha256', 'md5'), false],
  ['two-spaces', SPEC.replace('size ', 'size  '), false],
  ['key-only', SPEC.replace('size 12345', 'size'), false],
  ['text', 'hello\n', false],
  ['length-1023', SPEC.padEnd(LFS_POINTER_LIMIT - 1), true],
  ['length-1024', SPEC.padEnd(LFS_POINTER_LIMIT), false],
]

describe('parseLfsPointer', () => {
  it.each(BLOBS)('%s', (_, blob, isPointer) => {
    expect(parseLfsPointer(Buffer.from(blob))).toEqual(
      isPointer ? { sha256: SHA256, size: 12345 } : undefined,
    )
  })

  it('takes an empty blob for an empty file, and a size beyond 2^53 for no pointer', () => {
    expect(parseLfsPointer(new Uint8Array())).toBeUndefined()
    expect(parseLfsPointer(Buffer.from(SPEC.replace('12345', '9007199254740992')))).toBeUndefined()
  })

  it('agrees with git-lfs on what is a pointer', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lfs-pointer-'))
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
    const files = BLOBS.map(
      ([name, blob]) => `M 100644 inline ${name}\ndata ${Buffer.byteLength(blob)}\n${blob}\n`,
    )
    const history = `commit refs/heads/main\ncommitter a <a@b> 0 +0000\ndata 0\n${files.join('')}`
    try {
      execFileSync('git', ['init', '-q', '-b', 'main', folder], { env })
      execFileSync('git', ['-C', folder, 'fast-import', '--quiet'], { env, input: history })
      const listed = execFileSync('git', ['-C', folder, 'lfs', 'ls-files', '--name-only', 'main'], {
        env,
      }).toString()
      const expected = BLOBS.filter(([, , isPointer]) => isPointer).map(([name]) => name)
      expect(listed.trim().split('\n').sort()).toEqual(expected.sort())
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('answers for any bytes', () => {
    const cut = fc
      .tuple(fc.nat(200), fc.uint8Array({ maxLength: 8 }), fc.nat(8))
      .map(([at, bytes, removed]) => {
        const blob = Buffer.from(EXTENDED)
        return Buffer.concat([blob.subarray(0, at), bytes, blob.subarray(at + removed)])
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1100 }), cut), blob => {
        const pointer = parseLfsPointer(blob)
        if (pointer) expect(parseLfsPointer(encodeLfsPointer(pointer))).toEqual(pointer)
      }),
      runs(10_000),
    )
  })
})
