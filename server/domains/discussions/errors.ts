import { HubError } from '../../kernel/errors.ts'
import type { DiscussionStatus } from './tables.ts'

export class DiscussionNotFound extends HubError {
  constructor(number: number) {
    super(`There is no discussion or pull request ${number} in this repository`)
  }
}

export class CommentNotFound extends HubError {
  constructor(id: string) {
    super(`There is no comment ${id} in this discussion`)
  }
}

/** Its owner has closed the repository to new ones. */
export class DiscussionsClosed extends HubError {
  constructor() {
    super('The owner of this repository has closed it to new discussions and pull requests')
  }
}

/** What is asked for does not go with the status that it has. */
export class WrongStatus extends HubError {
  constructor(number: number, status: DiscussionStatus, deed: string) {
    super(`#${number} is ${status === 'draft' ? 'a draft' : status}; ${deed}`)
  }
}

/** It is hidden for good. */
export class CommentHidden extends HubError {
  constructor() {
    super('This comment is hidden, and stays so')
  }
}

/** A plain discussion is asked for what only a pull request has. */
export class NoPullRequest extends HubError {
  constructor(number: number) {
    super(`#${number} is a discussion, not a pull request`)
  }
}

/** The bytes are those of no image that the hub takes. */
export class UnknownImage extends HubError {
  constructor() {
    super('Only images can be uploaded here: PNG, JPEG, GIF or WebP, by their content, not their name')
  }
}

export class ImageNotFound extends HubError {
  constructor() {
    super('There is no such image')
  }
}
