-- Labels that are sets: each set that was given is a row of the table `label`, with the codes of its members; null where labels
-- are no sets. Sets are added under the version of the label set that they were given under.
ALTER TABLE label ADD COLUMN members INTEGER[];
-- What a scoring run took each annotator for, where labels are sets: `confusion` is a 2 x 2 for each choice, one after the other,
-- or `weights` has a weight for each choice.
ALTER TABLE run_annotator ADD COLUMN weights DOUBLE[];
