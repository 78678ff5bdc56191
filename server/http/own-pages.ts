import type { FastifyRequest } from 'fastify'
import { HubError } from '../kernel/errors.ts'

/** A page of another site had a browser send this, with a cookie or a password that the browser keeps: 403. */
export class ForeignPage extends HubError {
  constructor() {
    super(
      'this was not sent by a page of this hub (Sec-Fetch-Site, Origin); programs send an access token as Bearer',
    )
  }
}

/**
 * Against cross-site request forgery. Browsers say by `Sec-Fetch-Site` where a request comes from, and on plain http,
 * where they do not, by `Origin`, which they send with every write; no page can change either. A program that sends
 * neither is let through unless it comes by a cookie (`needsProof`).
 */
export function refuseForeignPages(request: FastifyRequest, publicOrigin: string, needsProof: boolean): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return
  } else if (origin === undefined) {
    if (!needsProof) return
  } else if (origin === publicOrigin || origin === `${request.protocol}://${request.host}`) {
    return
  }
  throw new ForeignPage()
}
