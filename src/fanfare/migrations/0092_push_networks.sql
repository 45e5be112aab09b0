-- Push tokens of Huawei devices and of browsers, beside those of iOS and Android.

alter table push_tokens drop constraint push_tokens_device_network_check;
alter table push_tokens add constraint push_tokens_device_network_check
    check (device_network in ('ios', 'android', 'huawei', 'web'));
