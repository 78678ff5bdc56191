import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { checkNamespace, parseRepoId, uniqueNameKey } from './repo-name.ts'

describe('names of repositories', () => {
  const checkRepoName = (name: string) => parseRepoId(`ns/${name}`)

  // huggingface_hub tests/test_utils_validators.py, and names its tests make.
  it.each([
    '123',
    'foo',
    'Foo-BAR_foo.bar123',
    'repo-2fe93f-16599646671840',
    '_x_',
    'a',
    'a'.repeat(96),
    'x.git.y',
  ])('accepts %s', name => {
    checkRepoName(name)
  })

  it.each([
    ['', 'is empty'],
    ['a'.repeat(97), 'has 97 characters, at most 96'],
    ['.repo_id', 'must not begin or end with'],
    ['repo_id.', 'must not begin or end with'],
    ['-x', 'must not begin or end with'],
    ['x-', 'must not begin or end with'],
    ['foo--bar', 'must not contain "--"'],
    ['foo..bar', 'must not contain "--" or ".."'],
    ['foo.git', 'must not end in ".git"'],
    ['foo.GIT', 'must not end in ".git"'],
    ['foo bar', 'must consist of'],
    ['foo\n', 'must consist of'],
    ['名', 'must consist of'],
    ['é', 'must consist of'],
  ])('refuses %j', (name, message) => {
    expect(() => checkRepoName(name)).toThrow(MalformedInput)
    expect(() => checkRepoName(name)).toThrow(message)
  })
})

describe('checkNamespace', () => {
  // Accounts of the clients' own tests.
  it.each(['__DUMMY_HUB_USER__', 'hub.js', 'DVUser', 'EnterpriseOrgPrivate', 'hf-internal-testing', 'x'])(
    'accepts %s',
    name => {
      checkNamespace(name)
    },
  )

  it.each(['api', 'Datasets', 'spaces', 'MODELS', 'cas', 'healthz', 'favicon.ico', 'none'])(
    'keeps %s',
    name => {
      expect(() => checkNamespace(name)).toThrow('is a name that the hub keeps for itself')
    },
  )

  it('has a limit of its own', () => {
    checkNamespace('a'.repeat(64))
    expect(() => checkNamespace('a'.repeat(65))).toThrow('at most 64')
  })
})

describe('parseRepoId', () => {
  it('splits an id and keeps its spelling', () => {
    expect(parseRepoId('hub.js/Foo_1')).toEqual({ namespace: 'hub.js', name: 'Foo_1' })
    expect(parseRepoId('datasets/foo')).toEqual({ namespace: 'datasets', name: 'foo' })
  })

  it.each(['gpt2', '', '/', 'a/', '/b', 'datasets/foo/bar', 'a/b/', 'a//b', 'a--b/c', 'a/b.git', '../b'])(
    'refuses %j',
    id => {
      expect(() => parseRepoId(id)).toThrow(MalformedInput)
    },
  )

  it('throws only MalformedInput, and reads back what it accepts', () => {
    const near = fc.string({
      unit: fc.constantFrom('a', 'B', '0', '-', '.', '_', '/', 'é', ' '),
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), id => {
        try {
          const { namespace, name } = parseRepoId(id)
          expect(`${namespace}/${name}`).toBe(id)
          expect(parseRepoId(uniqueNameKey(id))).toEqual({
            namespace: uniqueNameKey(namespace),
            name: uniqueNameKey(name),
          })
        } catch (error) {
          if (!(error instanceof MalformedInput)) throw error
        }
      }),
      runs(10_000),
    )
  })
})

describe('uniqueNameKey', () => {
  it('is one for names that differ in case', () => {
    expect(uniqueNameKey('Foo/Bar')).toBe(uniqueNameKey('fOO/bAR'))
    expect(uniqueNameKey('foo-bar')).not.toBe(uniqueNameKey('foo_bar'))
  })
})
