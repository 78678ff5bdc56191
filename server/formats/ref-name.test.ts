import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { checkBranchName, checkFullRef, checkTagName } from './ref-name.ts'

/** Names, and the rule they break. */
const NAMES: [name: string, fault: string | undefined][] = [
  ['main', undefined],
  ['cool-branch', undefined],
  ['from/nested/branch', undefined],
  ['v0.1', undefined],
  ['@x', undefined],
  ['a@b', undefined],
  ['a{b', undefined],
  ['分支', undefined],
  ['a.lockx', undefined],
  ['x'.repeat(244), undefined],
  ['abcdef1', undefined],
  ['refsx', undefined],
  ['', 'is empty'],
  ['invalid tag', 'must not contain spaces'],
  ['a\tb', 'must not contain spaces, control characters'],
  ['a\x7fb', 'must not contain spaces, control characters'],
  ['a~1', 'any of ~ ^ :'],
  ['a^', 'any of ~ ^ :'],
  ['a:b', 'any of ~ ^ :'],
  ['a?', 'any of ~ ^ :'],
  ['a*', 'any of ~ ^ :'],
  ['a[b', 'any of ~ ^ :'],
  ['a\\b', 'any of ~ ^ :'],
  ['.a', 'part between slashes that begins with "."'],
  ['a/.b', 'part between slashes that begins with "."'],
  ['a.lock', 'ends in ".lock"'],
  ['a.lock/b', 'ends in ".lock"'],
  ['a..b', 'must not contain ".."'],
  ['a.', 'must not end with "."'],
  ['a@{1}', 'must not contain "@{"'],
  ['/a', 'must not begin or end with "/"'],
  ['a/', 'must not begin or end with "/"'],
  ['a//b', 'contain "//"'],
  ['-a', 'must not begin with "-"'],
  ['HEAD', 'already means the current commit'],
]

/** Names that git would take and the hub does not. */
const HUB_ONLY: [name: string, fault: string][] = [
  ['@', 'already means the current commit'],
  ['5503434ddd753f426f4b38109466949a1217c2bb', 'reads as a commit id'],
  ['5503434DDD753F426F4B38109466949A1217C2BB', 'reads as a commit id'],
  ['0'.repeat(64), 'reads as a commit id'],
  ['refs/pr/5', 'must not begin with "refs/"'],
  ['refs', 'must not begin with "refs/"'],
  ['x'.repeat(246), 'is longer than 255 bytes'],
  ['\ud800', 'is not valid Unicode'],
]

/** For each name, whether `git check-ref-format` of refs/heads/name (and of its --branch rules) accepts it. */
function gitAccepts(names: readonly string[]): boolean[] {
  const script = `while IFS= read -r -d '' name; do
    if git check-ref-format "refs/heads/$name" && [ "\${name:0:1}" != - ] && [ "$name" != HEAD ]; then echo yes; else echo no; fi
  done`
  const input = `${names.join('\0')}\0`
  return execFileSync('bash', ['-c', script], { input })
    .toString()
    .trim()
    .split('\n')
    .map(answer => answer === 'yes')
}

function accepts(check: (name: string) => void, name: string): boolean {
  try {
    check(name)
    return true
  } catch (error) {
    if (error instanceof MalformedInput) return false
    throw error
  }
}

describe('checkBranchName and checkTagName', () => {
  it.each([...NAMES, ...HUB_ONLY])('%j: %s', (name, fault) => {
    for (const check of [
      checkBranchName,
      checkTagName,
      (short: string) => checkFullRef(`refs/heads/${short}`),
    ]) {
      if (fault === undefined) check(name)
      else expect(() => check(name)).toThrow(fault)
    }
  })

  it('say what the reference is for', () => {
    expect(() => checkBranchName('refs/pr/5')).toThrow('Invalid reference for a branch: "refs/pr/5" must not')
    expect(() => checkTagName('a b')).toThrow('Invalid reference for a tag: "a b" must not')
  })

  it('agree with git check-ref-format', () => {
    const pieces = fc.constantFrom(
      'a',
      'b',
      'cd',
      'e',
      'f',
      'g',
      '.',
      '..',
      '/',
      '@',
      '{',
      '.lock',
      '-',
      '~',
      '*',
      '\\',
      ' ',
      'é',
      '[',
      ':',
    )
    const names = fc.sample(fc.string({ unit: pieces, minLength: 1, maxLength: 6 }), {
      seed: 20,
      numRuns: 400,
    })
    const all = [...new Set([...NAMES.map(([name]) => name), ...names])].filter(name => name !== '@')
    const git = gitAccepts(all)
    expect(git.filter(answer => answer).length).toBeGreaterThan(40)
    for (const [i, name] of all.entries())
      expect([name, accepts(checkBranchName, name)]).toEqual([name, git[i]])
  }, 30_000)

  it('throw only MalformedInput', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), name => {
        expect(accepts(checkBranchName, name)).toBe(accepts(checkTagName, name))
        accepts(checkFullRef, name)
      }),
      runs(10_000),
    )
  })
})

describe('checkFullRef', () => {
  it.each(['refs/heads/main', 'refs/tags/v1', 'refs/pr/1', 'refs/convert/parquet', 'refs/pr/1/x'])(
    'accepts %s',
    ref => {
      checkFullRef(ref)
    },
  )

  it.each([
    'HEAD',
    'main',
    'refs',
    'refs/',
    'refs/heads',
    'refs/heads/',
    'refs/pr/',
    'refs//x',
    'refs/pr/..',
    'heads/main',
  ])('refuses %s', ref => {
    expect(() => checkFullRef(ref)).toThrow(MalformedInput)
  })
})
