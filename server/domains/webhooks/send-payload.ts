import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { AddressRefused } from './errors.ts'
import { isPublicAddress, lookupPublic } from './public-address.ts'

/** Connecting, sending, and waiting for the first line of the answer. */
const withinMs = 10_000

export interface Attempt {
  /** HTTP status; undefined when there was no answer. */
  readonly status?: number
  readonly durationMs: number
  /** Why it does not count as delivered; undefined when it does. */
  readonly error?: string
}

/**
 * Posts a payload, once, to that URL and no other: redirects are not followed. `X-Webhook-Secret` is what the Hugging
 * Face clients compare (`_webhooks_server.py`); `X-Hub-Signature-256` proves the body too, as GitHub's webhooks do.
 */
export function sendPayload(
  target: { url: string; secret: string | null; deliveryId: string; targets: 'public' | 'any' },
  payload: string,
): Promise<Attempt> {
  const began = performance.now()
  const { url, secret, deliveryId, targets } = target
  return new Promise(settle => {
    const done = (outcome: Omit<Attempt, 'durationMs'>) =>
      settle({ ...outcome, durationMs: Math.round(performance.now() - began) })
    const { protocol, hostname } = new URL(url)
    const literal = hostname.replace(/^\[|\]$/g, '')
    if (targets === 'public' && isIP(literal) && !isPublicAddress(literal)) {
      return done({ error: new AddressRefused(literal).message })
    }
    const sent = (protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(withinMs),
      ...(targets === 'public' && { lookup: lookupPublic }),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
        'user-agent': 'Banyan-Webhook/1',
        'x-webhook-delivery': deliveryId,
        ...(secret !== null && {
          'x-webhook-secret': secret,
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`,
        }),
      },
    })
    sent.on('response', response => {
      const status = response.statusCode ?? 0
      // Nothing in the body is for us.
      response.destroy()
      if (status >= 200 && status < 300) return done({ status })
      const isRedirect = status >= 300 && status < 400
      done({
        status,
        error: isRedirect ? 'answered with a redirect, which is not followed' : `answered ${status}`,
      })
    })
    sent.on('error', error => {
      const isLate = error.name === 'AbortError' || error.name === 'TimeoutError'
      done({ error: isLate ? `did not answer within ${withinMs / 1000} s` : error.message })
    })
    sent.end(payload)
  })
}
