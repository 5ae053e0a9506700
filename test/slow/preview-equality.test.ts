import { describeEquality } from '../fixtures/preview-equality.ts';

describeEquality(110);
