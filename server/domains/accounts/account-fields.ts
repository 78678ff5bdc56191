import { MalformedInput } from '../../kernel/errors.ts'

/** Texts that people choose. They end up in headers, on pages and in git commits, so none may break a line. */

export function checkFullname(fullname: string): void {
  checkLabel('full name', fullname, 100)
}

export function checkTokenName(name: string): void {
  checkLabel('token name', name, 100)
}

/** Not whether it can receive mail, only that it cannot be taken for something else. */
export function checkEmail(email: string): void {
  if (email.length > 254 || !/^[^\s@<>\p{Cc}]+@[^\s@<>\p{Cc}]+$/u.test(email)) {
    throw new MalformedInput('email', `${JSON.stringify(email)} is not of the form name@host`)
  }
}

function checkLabel(subject: string, text: string, limit: number): void {
  if (text.trim() === '' || text.length > limit || /[\p{Cc}\u2028\u2029]/u.test(text)) {
    throw new MalformedInput(subject, `must be one line of 1 to ${limit} characters`)
  }
}
