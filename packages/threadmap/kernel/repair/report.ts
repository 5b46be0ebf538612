/** The list of problems that an audit finds: in the result area, for JavaScript. */
import { MOST_PROBLEMS, PROBLEM_ADDRESS, PROBLEM_DETAIL, PROBLEM_NUMBER, PROBLEM_SIZE, R_BYTES } from '../layout'
import { resultAt } from '../table/value'

/** How many problems were found. src/maps/problems.ts has the words for their numbers. */
export let problems: u32 = 0

export function report(number: u32, address: u32, detail: u32): void {
  if (problems < MOST_PROBLEMS) {
    const at = resultAt + R_BYTES + problems * PROBLEM_SIZE
    store<u32>(at + PROBLEM_NUMBER, number)
    store<u32>(at + PROBLEM_ADDRESS, address)
    store<u32>(at + PROBLEM_DETAIL, detail)
  }
  problems++
}

export function beginReport(): void {
  problems = 0
}
