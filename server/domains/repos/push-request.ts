import { isUtf8 } from 'node:buffer'
import { encodePktLine, encodePktMarker, type PktLineReader } from '../../formats/pktline.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { Ref } from './store.ts'

/** The words of a push on the wire: gitprotocol-pack(5) "Pushing Data To a Server", gitprotocol-http(5). */

/** One ref that shall move. `before` and `after` are object ids; undefined where there is or shall be no ref. */
export interface RefCommand {
  readonly ref: string
  readonly before: string | undefined
  readonly after: string | undefined
}

export interface PushRequest {
  readonly commands: readonly RefCommand[]
  readonly capabilities: ReadonlySet<string>
}

/** What became of a push. */
export interface PushReport {
  /** Why the objects were not taken; undefined when they were, or none came. */
  readonly unpackFault: string | undefined
  /** In the order of the commands; `fault` says why the ref did not move. */
  readonly results: readonly { readonly ref: string; readonly fault: string | undefined }[]
  /** What else whoever pushed should read. */
  readonly notes: readonly string[]
}

/** What we can do; a client uses of it what it knows (gitprotocol-capabilities(5)). */
const capabilities =
  'report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=banyan'
const noObject = '0'.repeat(40)
const commandLimit = 10_000
const commandBytesLimit = 4 * 1024 * 1024
/** What a terminal can show of a reason. */
const reasonLimit = 500

/** The answer to `info/refs?service=git-receive-pack`. */
export function encodePushRefs(refs: readonly Ref[]): Uint8Array {
  const lines = refs.length > 0 ? refs.map(ref => `${ref.oid} ${ref.name}`) : [`${noObject} capabilities^{}`]
  return Buffer.concat([
    encodePktLine('# service=git-receive-pack\n'),
    encodePktMarker('flush'),
    ...lines.map((line, at) => encodePktLine(at === 0 ? `${line}\0${capabilities}\n` : `${line}\n`)),
    encodePktMarker('flush'),
  ])
}

/**
 * Reads the commands up to the flush behind them; the pack, if there is one, is the reader's rest. No command at all is
 * how git asks whether it may push. Throws MalformedInput, LimitExceeded.
 */
export async function readPushRequest(reader: PktLineReader): Promise<PushRequest> {
  const commands: RefCommand[] = []
  let offered: ReadonlySet<string> = new Set()
  let bytes = 0
  for (;;) {
    const line = await reader.next()
    if (line.type === 'flush') break
    // Nothing at all is taken like a flush; half a list of commands is not.
    if (line.type === 'end' && commands.length === 0) break
    if (line.type !== 'data')
      throw new MalformedInput('push', `the commands end with ${line.type}, not flush`)
    bytes += line.payload.length
    if (bytes > commandBytesLimit) throw new LimitExceeded('commands of one push', commandBytesLimit, 'bytes')
    const { text, words } = splitLine(line.payload)
    if (words) offered = new Set(words)
    // What a shallow clone lacks, the hub has; if it does not, objects are missing and it says so.
    if (text.startsWith('shallow ')) continue
    commands.push(parseCommand(text))
    if (commands.length > commandLimit) throw new LimitExceeded('one push', commandLimit, 'refs')
  }
  const foreign = [...offered].find(
    word => word === 'push-options' || (word.startsWith('object-format=') && word !== 'object-format=sha1'),
  )
  if (foreign) throw new MalformedInput('push', `asks for ${JSON.stringify(foreign)}, which was not offered`)
  return { commands, capabilities: offered }
}

function splitLine(payload: Uint8Array): { text: string; words?: string[] } {
  if (!isUtf8(payload)) throw new MalformedInput('push', 'a command is not UTF-8')
  const line = Buffer.from(payload).toString('utf8').replace(/\n$/, '')
  const end = line.indexOf('\0')
  if (end < 0) return { text: line }
  return {
    text: line.slice(0, end),
    words: line
      .slice(end + 1)
      .split(' ')
      .filter(Boolean),
  }
}

function parseCommand(text: string): RefCommand {
  const [, before, after, ref] = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.{1,4096})$/.exec(text) ?? []
  if (!before || !after || !ref) {
    const shown = JSON.stringify(text.slice(0, 200))
    throw new MalformedInput('push', `command ${shown} is not "<old id> <new id> <ref>"`)
  }
  return {
    ref,
    before: before === noObject ? undefined : before,
    after: after === noObject ? undefined : after,
  }
}

/** `report-status`: one packet for the objects, one a ref, flush. */
export function encodePushReport(report: PushReport): Uint8Array {
  return Buffer.concat([
    encodePktLine(`unpack ${report.unpackFault === undefined ? 'ok' : oneLine(report.unpackFault)}\n`),
    ...report.results.map(({ ref, fault }) =>
      encodePktLine(fault === undefined ? `ok ${ref}\n` : `ng ${ref} ${oneLine(fault)}\n`),
    ),
    encodePktMarker('flush'),
  ])
}

/** Without what would move the cursor, and not longer than a terminal shows. */
export function oneLine(reason: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is printed on somebody's terminal
  const plain = reason.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return plain.length > reasonLimit ? `${plain.slice(0, reasonLimit)}…` : plain
}
