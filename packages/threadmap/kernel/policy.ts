/** Who may touch the table when: the number that each class of maps has in the header. */
import { H_POLICY } from './layout'

/** This memory's policy, one of POLICY_*. */
export let policy: u32 = 0

export function readPolicy(): void {
  policy = load<u32>(H_POLICY)
}
