import { describe, expect, it } from 'vitest'
import { rewriteCommit, rewriteTag } from './git-rewrite.ts'

const [treeA, treeB, one, two, three] = ['a', 'b', '1', '2', '3'].map(digit => digit.repeat(40))
const who = Buffer.from('Zoë <z@example.org> 1700000000 +0130', 'latin1')

const bytes = (...parts: (string | Uint8Array)[]) =>
  Buffer.concat(parts.map(part => Buffer.from(part as string)))

describe('a commit with another tree and other parents', () => {
  it('keeps every other byte: odd names, encodings, the message', () => {
    const rest = [
      bytes('author ', who, '\ncommitter ', who, '\nencoding ISO-8859-1\n'),
      bytes('\ntitle\n\nparent of all\n tree \n'),
    ]
    const before = bytes(`tree ${treeA}\nparent ${one}\nparent ${two}\n`, ...rest)
    expect(rewriteCommit(before, { tree: `${treeB}`, parents: [`${three}`] })).toEqual(
      bytes(`tree ${treeB}\nparent ${three}\n`, ...rest),
    )
    expect(rewriteCommit(before, { tree: `${treeA}`, parents: [`${one}`, `${two}`] })).toEqual(before)
    expect(rewriteCommit(before, { tree: `${treeA}`, parents: [] })).toEqual(
      bytes(`tree ${treeA}\n`, ...rest),
    )
  })

  it('loses its signature, and the tags that it merged', () => {
    const signed = bytes(
      `tree ${treeA}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n`,
      'gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n',
      `mergetag object ${one}\n type commit\n tag v1\n \n said\nHG:extra kept\n\nmessage\n`,
    )
    expect(rewriteCommit(signed, { tree: `${treeB}`, parents: [] }).toString()).toBe(
      `tree ${treeB}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\nHG:extra kept\n\nmessage\n`,
    )
  })

  it.each(['', '\n', '\n\n'])('ends as it did: %j', end => {
    const before = bytes(`tree ${treeA}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000${end}`)
    expect(rewriteCommit(before, { tree: `${treeA}`, parents: [] })).toEqual(before)
  })
})

describe('a tag of another object', () => {
  it('keeps name, tagger and message, and loses its signature', () => {
    const before = bytes(`object ${one}\ntype commit\ntag v1\ntagger `, who, '\n\nobject of pride\n')
    const after = bytes(`object ${two}\ntype commit\ntag v1\ntagger `, who, '\n\nobject of pride\n')
    expect(rewriteTag(before, `${two}`)).toEqual(after)
    for (const signature of ['PGP', 'SSH']) {
      const block = `-----BEGIN ${signature} SIGNATURE-----\nxyz\n-----END ${signature} SIGNATURE-----\n`
      expect(rewriteTag(bytes(before, block), `${two}`)).toEqual(after)
    }
  })
})
