import { type DestinationStream, type Logger, pino } from 'pino'

/** Bytes that may wait to be written together: some forty requests. */
const waitingBytes = 8 * 1024
const flushMs = 100

/** One for the process, whatever opens hubs in it. */
let stdout: DestinationStream | undefined

/**
 * JSON lines on stdout. Headers and queries are not logged at all, so no token is. A line may wait for others for a tenth
 * of a second: a busy hub writes once for many requests. What is left at the end of the process is written then.
 */
export function createLog(level: string): Logger {
  stdout ??= openStdout()
  return pino({ level }, stdout)
}

function openStdout(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: true, minLength: waitingBytes, periodicFlush: flushMs })
  process.on('exit', () => stream.flushSync())
  return stream
}
