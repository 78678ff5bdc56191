import { HubError } from '../../kernel/errors.ts'

/** No family has, or ever had, this id; or none that this actor may know of. */
export class FamilyNotFound extends HubError {
  constructor(id: string) {
    super(`family ${id.slice(0, 40)} not found`)
  }
}

/** So many others ask which family a file belongs to that this one would have to wait too long. */
export class TooManyQuestions extends HubError {
  constructor() {
    super('this hub compares other sketches at the moment; try again in some seconds')
  }
}
