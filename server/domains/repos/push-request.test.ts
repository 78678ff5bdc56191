import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { mutated } from '../../../test/mutated.ts'
import { encodePktLine, encodePktMarker, PktLineReader } from '../../formats/pktline.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { encodePushRefs, encodePushReport, readPushRequest } from './push-request.ts'

const none = '0'.repeat(40)
const one = '1'.repeat(40)
const two = '2'.repeat(40)

function read(...lines: (string | Uint8Array)[]) {
  const bytes = Buffer.concat([...lines.map(line => encodePktLine(line)), encodePktMarker('flush')])
  return readPushRequest(readerOf(bytes))
}

function readerOf(bytes: Uint8Array): PktLineReader {
  return new PktLineReader(
    (async function* () {
      yield bytes
    })(),
  )
}

describe('readPushRequest', () => {
  it('reads what git sends', async () => {
    const words = ' report-status side-band-64k quiet object-format=sha1 agent=git/2.39.5'
    expect(await read(`${none} ${one} refs/heads/a\0${words}`, `${two} ${none} refs/tags/ü\n`)).toEqual({
      commands: [
        { ref: 'refs/heads/a', before: undefined, after: one },
        { ref: 'refs/tags/ü', before: two, after: undefined },
      ],
      capabilities: new Set(words.trim().split(' ')),
    })
  })

  it('passes over what a shallow clone lacks', async () => {
    const request = await read(`shallow ${two}\n`, `${none} ${one} refs/heads/a\0atomic`)
    expect(request.commands).toHaveLength(1)
    expect(request.capabilities).toEqual(new Set(['atomic']))
  })

  it('takes nothing at all for the question whether one may push', async () => {
    expect((await readPushRequest(readerOf(Buffer.from('0000')))).commands).toEqual([])
    expect((await readPushRequest(readerOf(Buffer.alloc(0)))).commands).toEqual([])
  })

  it.each([
    ['hello'],
    [`${one} ${two}`],
    [`${one.slice(1)} ${two} refs/heads/a`],
    [`${one} ${two} refs/heads/a\nng refs/heads/b`],
    [`${one} ${two} ${'x'.repeat(5000)}`],
    [`${one} ${two} refs/heads/a\0object-format=sha256`],
    [`${one} ${two} refs/heads/a\0push-options`],
    [Buffer.from(`${one} ${two} refs/heads/\xff`, 'latin1')],
  ])('refuses %j', async line => {
    await expect(read(line)).rejects.toThrow(MalformedInput)
  })

  it('refuses half a list of commands', async () => {
    await expect(readPushRequest(readerOf(encodePktLine(`${one} ${two} refs/heads/a`)))).rejects.toThrow(
      'the commands end with end, not flush',
    )
  })

  it('has limits', async () => {
    const many = Array.from({ length: 10_001 }, (_, at) => `${none} ${one} refs/heads/${at}`)
    await expect(read(...many)).rejects.toThrow(LimitExceeded)
    const long = Array.from({ length: 2000 }, (_, at) => `${none} ${one} refs/heads/${at}${'x'.repeat(3000)}`)
    await expect(read(...long)).rejects.toThrow(LimitExceeded)
  })
})

describe('whatever is sent', () => {
  const oid = fc.constantFrom(none, one, two)
  const ref = fc.string({ unit: fc.constantFrom('a', 'é', '/', '.'), minLength: 1, maxLength: 9 })
  const command = fc.tuple(oid, oid, ref)

  it('comes back as it was written, or is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 4 }), async list => {
        const lines = list.map(
          ([before, after, ref], at) => `${before} ${after} ${ref}${at === 0 ? '\0atomic' : ''}`,
        )
        const { commands, capabilities } = await read(...lines)
        expect(commands.map(({ before = none, after = none, ref }) => [before, after, ref])).toEqual(list)
        expect(capabilities.has('atomic')).toBe(list.length > 0)
      }),
      runs(10_000),
    )
    const sample = Buffer.concat([
      encodePktLine(`shallow ${one}`),
      encodePktLine(`${none} ${one} refs/heads/a\0report-status object-format=sha1`),
      encodePktLine(`${one} ${two} refs/tags/b\n`),
      encodePktMarker('flush'),
    ])
    await fc.assert(
      fc.asyncProperty(mutated([sample]), async bytes => {
        try {
          const { commands } = await readPushRequest(readerOf(bytes))
          for (const { ref, before, after } of commands) {
            expect(ref.length).toBeGreaterThan(0)
            for (const oid of [before, after]) expect(oid ?? one).toMatch(/^[0-9a-f]{40}$/)
          }
        } catch (error) {
          expect(error instanceof MalformedInput || error instanceof LimitExceeded, String(error)).toBe(true)
        }
      }),
      runs(10_000),
    )
  })
})

describe('encodePushRefs', () => {
  it('begins as a smart server does, with or without refs', () => {
    const text = (refs: Parameters<typeof encodePushRefs>[0]) => Buffer.from(encodePushRefs(refs)).toString()
    const head = '001f# service=git-receive-pack\n0000'
    expect(text([])).toMatch(
      new RegExp(`^${head}[0-9a-f]{4}${none} capabilities\\^\\{\\}\\0report-status .*\\n0000$`),
    )
    const refs = ['refs/heads/a', 'refs/heads/b'].map(name => ({ name, oid: one, commitId: one }))
    expect(text(refs)).toMatch(
      new RegExp(
        `^${head}[0-9a-f]{4}${one} refs/heads/a\\0report-status .*\\n003a${one} refs/heads/b\\n0000$`,
      ),
    )
  })
})

describe('encodePushReport', () => {
  it('keeps a reason on its line and short', () => {
    const report = {
      unpackFault: undefined,
      results: [
        { ref: 'refs/heads/a', fault: undefined },
        { ref: 'refs/heads/b', fault: `no\nok refs/heads/c\u001b[2J ${'x'.repeat(1000)}` },
      ],
      notes: [],
    }
    const said = Buffer.from(encodePushReport(report)).toString()
    expect(said.split('\n').map(line => line.slice(4, 40))).toEqual([
      'unpack ok',
      'ok refs/heads/a',
      'ng refs/heads/b no ok refs/heads/c [',
      '',
    ])
    expect(said.length).toBeLessThan(600)
  })
})
