import { Problem } from '../../problems/problem.ts'

/** The problem that one parameter of the query is. */
export const wrongQuery = (name: string, detail: string): Problem =>
  new Problem('invalid_input', '1 input is wrong.', {
    errors: [{ pointer: `/query/${name}`, detail }],
  })
