import { MalformedInput } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { GitAborted, GitFailed, runGit } from './git-program.ts'
import type { RepoParts } from './parts.ts'

export interface Fetch {
  /** `version=0|1|2`, as the client's Git-Protocol header says; gitprotocol-http(5). */
  readonly protocol: string | undefined
  /** The request's body; absent where the refs are asked for. */
  readonly body?: AsyncIterable<Uint8Array>
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** Told when git has complained to the client, who has its words then. */
  onComplaint(error: GitFailed): void
}

/** git's words about what it was sent: git `upload-pack.c`, `pkt-line.c`. */
const protocolError = /protocol error.*|the remote end hung up unexpectedly/

/**
 * What `git upload-pack` answers, as it comes: the refs, or the outcome of one round of a fetch. Rejects with
 * HubBusy, MalformedInput about a request that git cannot read, or when git ends with an error before it has said anything; the bytes end with an error when they were cut short by us.
 */
export async function uploadPack(
  parts: Pick<RepoParts, 'mirror' | 'admission'>,
  repo: Repository,
  fetch: Fetch,
): Promise<AsyncIterable<Uint8Array>> {
  const leave = await parts.admission.fetches.take(fetch.signal).catch(error => {
    if (!fetch.signal.aborted) throw error
  })
  // The client has gone while it waited.
  if (!leave) return (async function* () {})()
  const mirror = await parts.mirror.open(repo).catch(error => {
    leave()
    throw error
  })
  const git = runGit({
    args: [
      'upload-pack',
      '--strict',
      '--stateless-rpc',
      ...(fetch.body ? [] : ['--advertise-refs']),
      mirror.path,
    ],
    home: parts.mirror.folder,
    env: fetch.protocol === undefined ? {} : { GIT_PROTOCOL: fetch.protocol },
    signal: fetch.signal,
    ...(fetch.body && { input: fetch.body }),
  })
  const end = () => {
    mirror.release()
    leave()
  }
  git.ended.then(end, end)
  const output = git.output[Symbol.asyncIterator]()
  const first = await output.next()
  if (first.done) {
    await git.ended.catch(error => {
      if (error instanceof GitAborted) return
      const reason = error instanceof GitFailed && protocolError.exec(error.message)?.[0]
      throw reason ? new MalformedInput('git request', `is not understood: ${reason.slice(0, 200)}`) : error
    })
  }
  return relay()

  async function* relay(): AsyncGenerator<Uint8Array> {
    try {
      for (let piece = first; !piece.done; piece = await output.next()) yield piece.value
    } finally {
      await output.return?.()
    }
    await git.ended.catch(error => {
      // It has said so in its own protocol, and cutting the line might keep that from the client.
      if (!(error instanceof GitFailed)) throw error
      fetch.onComplaint(error)
    })
  }
}
