-- What a trained model is made of, kept so that what it says of an item can be taken apart later. A row a unit of a layer of the
-- members that judge a fold: its weights on the inputs, the bias last (a linear model has one layer, whose units are the
-- labels). A row a feature: what it is called, and what moves and stretches it (of a token: 0 and its inverse document frequency).
-- And a row an item: the fold whose members, and no others, had not seen it.
CREATE TABLE model_layer (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, fold INTEGER, member INTEGER, layer INTEGER, unit INTEGER, weights FLOAT[]
);
CREATE TABLE model_feature (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, place INTEGER, name VARCHAR, centre FLOAT, scale FLOAT
);
CREATE TABLE model_fold (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, item_code BIGINT, fold INTEGER
);
