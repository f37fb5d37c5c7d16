-- Bad calls: each with its SQLSTATE, message and hint, before any work.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_STOP off
SET client_min_messages = warning;

-- prints what a psql user would want to know of an error
CREATE PROCEDURE bad(command text) LANGUAGE plpgsql AS $$
DECLARE state text; message text; hint text;
BEGIN
	EXECUTE command;
	RAISE EXCEPTION 'went well: %', command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	message := replace(message, '"temp_file_limit"', 'temp_file_limit');	-- quoted since PostgreSQL 18
	RAISE INFO E'% %\n  hint: %', state, regexp_replace(message, 'header of [0-9]+', 'header of N'), hint;
END $$;

-- classify
CALL bad($$SELECT visclf.classify('nobody', 'x')$$);
CALL bad($$SELECT visclf.classify_batch('nobody', 'x') OVER ()$$);
CALL bad($$SELECT visclf.embed('', 'x')$$);
CALL bad($$SELECT visclf.classify('smal', 'x')$$);
CALL bad($$SELECT visclf.classify('SMALL', 'x')$$);
CALL bad($$SELECT visclf.classify(repeat('x', 16000), 'x')$$);

-- the source
CALL bad($$CALL visclf.train('m', 'nowhere')$$);
CALL bad($$CALL visclf.train('m', NULL)$$);
CALL bad($$CALL visclf.train('m', 'adverts_pkey')$$);
CALL bad($$CALL visclf.train('m', 'adverts', image_column => 'picture')$$);
CALL bad($$CALL visclf.train('m', 'adverts', image_column => 'newspaper')$$);
CALL bad($$CALL visclf.train('m', 'adverts', image_column => 'imgae')$$);
CREATE VIEW objects AS SELECT 1::oid AS image, label FROM adverts;
CALL bad($$CALL visclf.train('m', 'objects')$$);
CALL bad($$CALL visclf.train('m', 'adverts', label_column => 'class')$$);
CALL bad($$CALL visclf.train('m', 'adverts', label_column => 'labels')$$);
CALL bad($$CALL visclf.train('m', 'adverts', label_column => 'image')$$);
CALL bad($$CALL visclf.train('m', 'adverts', key_column => 'number')$$);

-- too little to train on
CREATE VIEW unlabelled AS SELECT image, NULL::text AS label FROM adverts;
CREATE VIEW one_class AS SELECT image, label FROM adverts WHERE label = 'text-only';
CREATE VIEW three AS SELECT image, truth AS label FROM adverts WHERE id IN (1, 2, 3);
CREATE VIEW broken AS SELECT 'no image'::bytea AS image, truth AS label FROM adverts;
CALL bad($$CALL visclf.train('m', 'unlabelled', architecture => 'resnet20')$$);
CALL bad($$CALL visclf.train('m', 'one_class', architecture => 'resnet20')$$);
CALL bad($$CALL visclf.train('m', 'three', architecture => 'resnet20', validation_share => 0.000001)$$);
CALL bad($$CALL visclf.train('m', 'broken', architecture => 'resnet20')$$);

-- options
CALL bad($$CALL visclf.train(NULL, 'adverts')$$);
CALL bad($$CALL visclf.train('', 'adverts')$$);
CALL bad($$CALL visclf.train(repeat('x', 201), 'adverts')$$);
CALL bad($$CALL visclf.train('m', 'adverts', architecture => 'resnet-18')$$);
CALL bad($$CALL visclf.train('m', 'adverts', epoch => 3)$$);
CALL bad($$CALL visclf.train('m', 'adverts', architecture => 'resnet99')$$);
CALL bad($$CALL visclf.train('m', 'adverts', resize => NULL)$$);
CALL bad($$CALL visclf.train('m', 'adverts', colour => 'blue')$$);
CALL bad($$CALL visclf.train('m', 'adverts', head => 'tail')$$);
CALL bad($$CALL visclf.train('m', 'adverts', image_size => 0)$$);
CALL bad($$CALL visclf.train('m', 'adverts', image_size => 5000)$$);
CALL bad($$CALL visclf.train('m', 'adverts', resize => 'stretch')$$);
CALL bad($$CALL visclf.train('m', 'adverts', epochs => 0)$$);
CALL bad($$CALL visclf.train('m', 'adverts', freeze_epochs => -1)$$);
CALL bad($$CALL visclf.train('m', 'adverts', batch_size => 1)$$);
CALL bad($$CALL visclf.train('m', 'adverts', learning_rate => 0)$$);
CALL bad($$CALL visclf.train('m', 'adverts', learning_rate => 'NaN')$$);
CALL bad($$CALL visclf.train('m', 'adverts', lr_mult => 0.5)$$);
CALL bad($$CALL visclf.train('m', 'adverts', weight_decay => -1)$$);
CALL bad($$CALL visclf.train('m', 'adverts', dropout => 1)$$);
CALL bad($$CALL visclf.train('m', 'adverts', validation_share => 0)$$);
CALL bad($$CALL visclf.train('m', 'adverts', validation_share => 1)$$);
CALL bad($$CALL visclf.train('m', 'adverts', seed => NULL)$$);

CALL bad($$CALL visclf.train('m', 'adverts', group_column => 'family')$$);
CALL bad($$CALL visclf.train('m', 'adverts', split_column => 'place', architecture => 'resnet20')$$);
CALL bad($$CALL visclf.train('m', 'adverts', pretrained => 'nobody')$$);
CALL bad($$CALL visclf.train('m', 'adverts', pretrained => 'small', architecture => 'resnet18')$$);
CALL bad($$CALL visclf.train('m', 'adverts', method => 'guess')$$);
CALL bad($$CALL visclf.train('m', 'adverts', method => 'probe')$$);
CALL bad($$CALL visclf.train('m', 'adverts', method => 'probe', pretrained => 'small', head => 'concat')$$);
CALL bad($$CALL visclf.train('m', 'adverts', method => 'probe', pretrained => 'small', augment => 'flip')$$);
CALL bad($$CALL visclf.train('m', 'adverts', method => 'probe', pretrained => 'small', balance => 'oversample')$$);
CALL bad($$CALL visclf.train('m', 'adverts', augment => 'heavy')$$);
CALL bad($$CALL visclf.train('m', 'adverts', balance => 'more')$$);
CALL bad($$CALL visclf.train('m', 'adverts', balance => NULL)$$);

-- labels in arrays
CALL bad($$CALL visclf.train('m', 'subjects', label_column => 'subjects', balance => 'oversample')$$);
CREATE VIEW holes AS SELECT image, ARRAY[label, NULL] AS label, '{}'::text[] AS nothing FROM adverts WHERE label IS NOT NULL;
CALL bad($$CALL visclf.train('m', 'holes')$$);
CALL bad($$CALL visclf.train('m', 'holes', label_column => 'nothing')$$);

-- the learning rate finder
CALL bad($$SELECT count(*) FROM visclf.lr_find(NULL)$$);
CALL bad($$SELECT count(*) FROM visclf.lr_find('adverts', start_lr => 0)$$);
CALL bad($$SELECT count(*) FROM visclf.lr_find('adverts', start_lr => 1, end_lr => 0.1)$$);
CALL bad($$SELECT count(*) FROM visclf.lr_find('adverts', steps => 5)$$);
CALL bad($$SELECT count(*) FROM visclf.lr_find('adverts', label_column => 'no_such')$$);

-- files of weights
CALL bad($$SELECT visclf.import_model('m', '')$$);
CALL bad($$SELECT visclf.import_model('m', NULL)$$);
CALL bad($$SELECT visclf.import_model('m', '\x8002')$$);
CALL bad($$SELECT visclf.import_model('m', '\x02000000000000007b7d')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), architecture => 'resnet50')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), classes => '{a,b,c}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), image_size => 0)$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), resize => 'stretch')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), mean => '{1,2}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), mean => '{NaN,0,0}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), classes => '{a,a}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), classes => '{a,NULL}')$$);
CALL bad($$SELECT visclf.import_model('', visclf.export_model('small'))$$);
CALL bad($$SELECT visclf.import_model(repeat('x', 201), visclf.export_model('small'))$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), std => '{1,0,1}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small') || '\x00')$$);
CALL bad($$SELECT visclf.import_model('m', substr(visclf.export_model('small'), 1, 5000))$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), thresholds => '{0.5,0.5}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), multi_label => true, thresholds => '{0.5}')$$);
CALL bad($$SELECT visclf.import_model('m', visclf.export_model('small'), multi_label => true, thresholds => '{0.5,2}')$$);
CALL bad($$SELECT visclf.export_model('nobody')$$);

-- a rate at which no training can go well
SET client_min_messages = warning;
CALL bad($$CALL visclf.train('m', 'adverts', architecture => 'resnet20', image_size => 32, learning_rate => 99, head => 'linear', weight_decay => 1, epochs => 20)$$);
RESET client_min_messages;

-- models
CALL bad($$CALL visclf.resume('nobody')$$);
CALL bad($$CALL visclf.resume('small')$$);
CALL bad($$CALL visclf.resume(NULL)$$);
CALL bad($$CALL visclf.resume(repeat('x', 16000))$$);
CALL bad($$CALL visclf.share('nobody', 'public')$$);
CALL bad($$CALL visclf.drop_model('smalll')$$);
CALL bad($$CALL visclf.drop_model(repeat('x', 201))$$);
CALL bad($$CALL visclf.share('small', 'no such role')$$);
CALL bad($$CALL visclf.activate('small', NULL)$$);
CALL bad($$CALL visclf.drop_model('small', 77)$$);
CALL bad($$CALL visclf.drop_model('small', 0)$$);

-- settings
CALL bad($$SET visclf.device = 'tpu'$$);
CALL bad($$SET visclf.batch_size = 0$$);
CALL bad($$SET visclf.no_such_setting = 1$$);

-- an error in the middle of reading is caught like any other
SET temp_file_limit = '1MB';
CALL bad($$CALL visclf.train('m', 'adverts', architecture => 'resnet20')$$);
RESET temp_file_limit;

-- nothing is left of any of them
SELECT count(*) FROM visclf.models WHERE model = 'm';

-- tensors that do not fit their architecture
BEGIN;
UPDATE visclf.weight SET data = substr(data, 1, 8) WHERE name = 'bn1.weight';
CALL bad($$SELECT visclf.classify('enum', 'x')$$);
ROLLBACK;
BEGIN;
UPDATE visclf.weight SET shape = '{1}' WHERE name = 'conv1.weight';
CALL bad($$SELECT visclf.classify('int', 'x')$$);
ROLLBACK;
BEGIN;
DELETE FROM visclf.weight WHERE name IN ('bn1.weight', 'conv1.weight', 'layer1.0.bn1.bias');
CALL bad($$SELECT visclf.classify('damaged', 'x')$$);
ROLLBACK;
