import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { headerText } from './error-map.ts'

/** What the HTTP parser of Node throws: `code` says what, `rawPacket` is what had come last. */
interface ParserError {
  readonly code?: unknown
  readonly message: string
  readonly reason?: unknown
  readonly rawPacket?: unknown
}

/** How long an answer may wait for its reader, who may be sending still. */
const lingerMs = 2000
const answered = new WeakSet<Socket>()

/**
 * Answers a message that is no HTTP, too large or too slow, for which there is no request and no reply. The connection
 * ends with it; what comes meanwhile is thrown away, since closing at once would take the answer away from who is still
 * sending.
 */
export function answerBrokenMessage(error: ParserError, socket: Socket): void {
  if (answered.has(socket)) return
  answered.add(socket)
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, message } = refusalOf(error)
  const body = JSON.stringify({ error: message })
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Error-Message: ${headerText(message)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.resume()
  setTimeout(() => socket.destroy(), lingerMs).unref()
}

function refusalOf({ code, reason, message, rawPacket }: ParserError): { status: string; message: string } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const isUrl = isRequestLine(rawPacket)
    return {
      status: isUrl ? '414 URI Too Long' : '431 Request Header Fields Too Large',
      message: `${isUrl ? 'the URL is' : 'the request line and headers are'} over the limit of ${maxHeaderSize} bytes`,
    }
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return { status: '413 Content Too Large', message: 'chunk extensions are over the limit of 16384 bytes' }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return {
      status: '408 Request Timeout',
      message: 'the request was not sent in time; send its headers at once',
    }
  }
  return {
    status: '400 Bad Request',
    message: `this is not a valid HTTP request: ${reason ?? message.replace(/^Parse Error:? ?/, '')}`,
  }
}

/** The headers had not even begun. */
function isRequestLine(packet: unknown): boolean {
  if (!(packet instanceof Uint8Array)) return false
  const end = packet.indexOf(10)
  return end < 0 || end > maxHeaderSize
}
