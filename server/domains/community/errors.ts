import { HubError } from '../../kernel/errors.ts'

/** There is no such collection, or none that this actor may know of. */
export class CollectionNotFound extends HubError {
  constructor(slug: string) {
    super(`there is no collection ${slug}`)
  }
}

/** Its owner has one of that title. Clients with `exists_ok` read the slug (huggingface_hub `hf_api.py:create_collection`). */
export class CollectionExists extends HubError {
  readonly slug: string
  constructor(slug: string) {
    super(`there is a collection of that title already: ${slug}`)
    this.slug = slug
  }
}

export class ItemNotFound extends HubError {
  constructor(id: string) {
    super(`the collection has no item ${id}`)
  }
}

export class ItemExists extends HubError {
  constructor(type: string, id: string) {
    super(`the ${type} ${id} is in the collection already`)
  }
}

/** An item of a kind that this hub does not have. */
export class ItemTypeUnknown extends HubError {
  constructor(type: string, known: readonly string[]) {
    super(`a collection on this hub cannot hold a ${type}; it holds ${known.join(', ')}`)
  }
}

export class SelfFollowed extends HubError {
  constructor() {
    super('nobody can follow themselves')
  }
}
