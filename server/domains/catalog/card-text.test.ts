import { describe, expect, it } from 'vitest'
import { describeInShort, readCardText } from './card-text.ts'

const body = `
# Dataset *Card* for [Poems](https://example.org/a_b?c=d)

<div align="center"><img src="https://example.org/logo.png" alt="logo"></div>

Old poems &amp; new ones, see https://example.org/paper.
![chart](data:image/png;base64,AAAA)

~~~python
import secret
\`\`\`
still = code
~~~
\`\`\`bibtex
@misc{poems,
  title={Poems}
}
\`\`\`
After.
`

describe('the text of a card', () => {
  it('is what a reader sees, without markup, code and addresses', () => {
    const { text, citation } = readCardText(body)
    expect(text.replace(/\s+/g, ' ').trim()).toBe(
      'Dataset Card for Poems Old poems new ones, see chart After.',
    )
    expect(citation).toBe('@misc{poems,\n  title={Poems}\n}')
    expect(describeInShort(text)).toMatch(/^Dataset Card for Poems Old/)
    expect(describeInShort(' \n')).toBeUndefined()
    expect(describeInShort('😀'.repeat(400))).toBe(`${'😀'.repeat(250)}…`)
  })

  it('ends at 64 Ki characters, and what never ends takes no longer', () => {
    expect(readCardText('word '.repeat(100_000)).text).toHaveLength(64 * 1024)
    for (const piece of ['<', '](', '<!--', 'https://', '`', '&', '```\n', '['])
      expect(readCardText(piece.repeat(100_000)).text.length).toBeLessThanOrEqual(64 * 1024)
  })
})
