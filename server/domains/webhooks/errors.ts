import { HubError } from '../../kernel/errors.ts'

/** The user has no such webhook, or no such delivery of it. */
export class WebhookNotFound extends HubError {
  constructor(what: 'webhook' | 'delivery', id: string) {
    super(`you have no ${what} with the id ${id}`)
  }
}

/** The URL leads to where this hub sends nothing. Thrown when it is sent to, since names may change what they mean. */
export class AddressRefused extends HubError {
  constructor(host: string) {
    super(`${host} is not a public address; who runs this hub may allow it: serve --webhook-targets any`)
  }
}
