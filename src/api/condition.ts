import { choice, type Infer, integer, listBy, object, required, text } from './schema.ts';

const condition = object('One thing observed about this object, as metav1.Condition.', {
  type: required(text('What is observed, in CamelCase.', { maxLength: 316 })),
  status: required(choice('Whether it holds.', 'True', 'False', 'Unknown')),
  reason: required(text('Why, as one CamelCase word for programs.', { maxLength: 1024 })),
  message: required(text('Why, as a sentence for people.', { maxLength: 32_768 })),
  observedGeneration: integer('metadata.generation this was observed at.', { minimum: 0, format: 'int64' }),
  lastTransitionTime: required(text('When the status last changed.', { format: 'date-time' })),
});

export type Condition = Infer<typeof condition>;

/** The schema of `status.conditions`, for every kind of ours. */
export const conditions = listBy('type', 'What was last observed, one entry for each type.', condition);
